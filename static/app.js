// The pages work without any script, and htmx makes them swap in place. What is
// left for us: to say when an answer does not come back, to say aloud what a press
// has brought, and to follow what happens while a page is open.
(() => {
  const byId = (id) => document.getElementById(id)
  const main = () => byId('main')
  const text = (e) => e?.textContent.replace(/\s+/g, ' ').trim() ?? ''
  const say = (words) => { if (byId('said')) byId('said').textContent = words }
  const first = (place, ...kinds) => kinds.map((kind) => place.querySelector(kind)).find(Boolean)

  // --- A press ---

  const pressed = new Set() // requests of somebody's that are under way
  const byItself = (e) => e.matches('[data-live], form[hidden]')

  document.addEventListener('htmx:before:request', (event) => {
    if (byItself(event.target)) return
    pressed.add(event.detail.ctx)
    if (live()) htmx.trigger(live(), 'htmx:abort') // its answer would be of before the press
    if (byId('lost')) byId('lost').hidden = true
    say('')
  })

  for (const end of ['htmx:after:request', 'htmx:error', 'htmx:finally:request']) {
    document.addEventListener(end, (event) => pressed.delete(event.detail.ctx))
  }

  document.addEventListener('htmx:error', (event) => {
    // Only a press can be lost; what looks again by itself does so once more.
    const form = event.target.closest?.('form')
    const box = byId('lost')
    if (!box || !form || form.hidden) return
    box.hidden = false
    box.focus()
  })

  // A form that leads to another page is busy until that is there.
  document.addEventListener('submit', (event) => {
    if (event.defaultPrevented) return // htmx's
    setTimeout(() => { // the button's own value is sent too
      event.target.classList.add('htmx-request')
      for (const e of event.target.elements) if (e.type === 'submit') e.disabled = true
    })
  })

  // What a press has brought has the focus, and is said.
  document.addEventListener('htmx:after:swap', (event) => {
    const { ctx } = event.detail
    const place = ctx.swap !== 'none' && document.querySelector(ctx.select)
    if (!place || place.closest('[role=status]')) return
    if (place !== main()) main().dataset.touched = ''
    if (ctx.followed) ctx.followed()
    else {
      if (document.activeElement === document.body) place.focus()
      say(text(first(place, '[autofocus]', '[role=alert]', '[role=status]', 'h1, h2, h3')))
    }
    follow()
    if (late) look()
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

  // --- What happens meanwhile ---

  // A page on which something waits is told when it has another version, and asks
  // for itself. Where it cannot be told, it asks every few seconds.
  const live = () => main()?.querySelector('[data-live]')
  let source, timer, opened
  let late = false // there may be another version than the page's
  let told // version that was told of since the page was asked for

  // What somebody reads, types or is about to press is not taken away.
  const busy = () => 'touched' in main().dataset || document.activeElement?.closest('#main form')

  const look = () => {
    late = true
    if (!live() || pressed.size) return
    if (!busy()) return htmx.trigger(live(), 'look')
    byId('news').hidden = false
    say(text(byId('news').querySelector('p')))
  }

  const stop = () => {
    source?.close()
    clearInterval(timer)
    source = undefined
  }

  const listen = () => {
    opened = Date.now()
    source = new EventSource(`${live().dataset.live}?v=${live().dataset.version}`)
    source.addEventListener('changed', (event) => {
      if (event.data === live()?.dataset.version) return
      told = event.data
      look()
    })
  }

  const follow = () => {
    if (!live() || document.hidden) return stop()
    const { live: events, every, always } = live().dataset
    if (source && !source.url.includes(`${events}?`)) stop()
    if (!source && window.EventSource) listen()
    clearInterval(timer)
    timer = setInterval(() => {
      if (source?.readyState === 2 && Date.now() - opened > 60_000) listen() // it was refused
      if ((late || always != null || source?.readyState !== 1) && !busy()) look()
    }, every * 1000)
  }

  document.addEventListener('htmx:config:request', (event) => {
    if (event.target === live()) event.detail.ctx.request.headers['X-Look'] = 'again' // nobody pressed
  })
  document.addEventListener('htmx:before:request', (event) => {
    if (event.target === live()) told = undefined
  })

  // The page as it is now takes the place of the one before, if it is another:
  // with what was opened in it, with the keyboard where it was, and with the result
  // of the last press, which stays until the next one.
  document.addEventListener('htmx:before:swap', (event) => {
    const { ctx, tasks: [task] } = event.detail
    if (!ctx.sourceElement.matches('[data-live]')) return
    const old = main()
    const page = task.fragment.querySelector('#main')
    const version = page?.querySelector('[data-live]')?.dataset.version
    const failed = !page || ctx.response.status === 429 || ctx.response.status >= 500
    late = failed || told !== undefined && told !== version
    if (failed || version === live().dataset.version) return event.preventDefault()
    if (busy()) {
      look()
      return event.preventDefault()
    }
    const before = first(old, '[role=alert]', '[role=status]')
    const words = text(before)
    const held = old.contains(document.activeElement) && document.activeElement
    keep(old, page)
    ctx.followed = () => {
      if (held && document.activeElement === document.body) (same(main(), held) ?? main()).focus({ preventScroll: true })
      const now = text(first(main(), '[role=alert]', '[role=status]'))
      say(now && now !== words ? now : byId('said')?.dataset.updated ?? '')
    }
  })

  const same = (place, e) => [...place.querySelectorAll(e.tagName)].find((other) => text(other) === text(e))

  const keep = (old, page) => {
    const result = '.panel:is([autofocus], [data-kept]):not([data-tone=accent])'
    const last = old.querySelector(result)
    const next = page.querySelector(result)
    if (last && (!next || text(next) === text(last))) {
      last.removeAttribute('autofocus')
      last.dataset.kept = ''
      if (next) next.replaceWith(last)
      else page.querySelector('h1')?.after(last)
    }
    for (const open of old.querySelectorAll('details[open] > summary')) {
      same(page, open)?.parentElement.setAttribute('open', '')
    }
  }

  document.addEventListener('input', (event) => {
    const page = event.target.closest?.('#main')
    if (page) page.dataset.touched = ''
  })
  document.addEventListener('focusout', () => setTimeout(() => { if (late && !busy()) look() }))
  document.addEventListener('click', (event) => {
    if (!event.target.closest?.('[data-show]')) return
    event.preventDefault()
    delete main().dataset.touched
    look()
  })
  document.addEventListener('visibilitychange', follow)
  window.addEventListener('pagehide', stop)
  follow()

  // A page from the back-forward cache may show a price or a state of the past.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) window.location.reload()
  })
})()
