// The design's vocabulary. The values of the colours, light and dark, are
// custom properties in views/app.css.
const colour = (name) => `var(--${name})`

module.exports = {
  theme: {
    extend: {
      colors: {
        canvas: colour('canvas'),
        surface: colour('surface'),
        sunken: colour('sunken'),
        line: colour('line'),
        edge: colour('edge'),
        ink: colour('ink'),
        muted: colour('muted'),
        accent: colour('accent'),
        'accent-soft': colour('accent-soft'),
        good: colour('good'),
        'good-soft': colour('good-soft'),
        warn: colour('warn'),
        'warn-soft': colour('warn-soft'),
        bad: colour('bad'),
        'bad-soft': colour('bad-soft'),
      },
      fontFamily: {
        sans: ['Inter', 'ui-sans-serif', 'system-ui', '-apple-system', 'Segoe UI', 'Roboto', 'Helvetica Neue', 'Arial', 'sans-serif'],
        mono: ['ui-monospace', 'SFMono-Regular', 'Menlo', 'Consolas', 'Liberation Mono', 'monospace'],
      },
    },
  },
}
