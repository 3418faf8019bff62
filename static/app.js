// The pages work without any script; htmx makes them swap in place. What is
// left for us is to say so when an answer does not come back at all.
(() => {
  const lost = () => document.getElementById('lost')

  document.addEventListener('htmx:error', (event) => {
    // Only a press can be lost; what looks again by itself does so once more.
    const form = event.target.closest?.('form')
    const box = lost()
    if (!box || !form || form.hidden) return
    box.hidden = false
    box.focus()
  })

  document.addEventListener('htmx:before:request', () => {
    const box = lost()
    if (box) box.hidden = true
  })

  // The buttons of a stepper change its number at once; what the number means
  // follows. Without scripts they ask for the page with that number.
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('button[data-step]')
    const field = button?.parentElement.querySelector('input')
    if (!field || !window.htmx) return
    event.preventDefault()
    const number = (Number.parseInt(field.value, 10) || 0) + Number(button.dataset.step)
    field.value = Math.min(Math.max(number, field.min), field.max)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })

  // A page from the back-forward cache may show a price or a state of the past.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) window.location.reload()
  })
})()
