// The status page: reads /api/v1, listens to its stream, shows it, and asks for actions. Text is only ever set as text.
"use strict";
(() => {
  const API = "/api/v1/";
  const POLL_MILLIS = 2000;
  const LISTS_MILLIS = 6000;
  const SETTINGS_MILLIS = 60000;
  const PALETTE = 8;
  const MOST_RANGES = 2000;

  let generation = 0;  // of begin(): what an earlier one has started ends
  const at = (id) => document.getElementById(id);
  const state = {
    session: null, overview: null, topology: null, topologyVersion: -1, eventId: -1, traffic: null, stream: null,
    timers: [], lastNews: 0, colours: new Map(), configuration: null,
  };

  // --- small things ---

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
    return element;
  }

  const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const number = (value) => (value === null || value === undefined ? "–" : whole.format(value));
  const compact = (value) => (value === null || value === undefined ? "–" : value < 10000 ? whole.format(value) : short.format(value));
  const rate = (value) => (value === null || value === undefined ? "–" : value > 0 && value < 10 ? value.toFixed(1) : compact(value));

  function bytes(value) {
    if (value === null || value === undefined) return "–";
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
    return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
  }

  function micros(value) {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0";
    if (value < 1000) return `${Math.round(value)} µs`;
    if (value < 1e6) return `${(value / 1000).toFixed(value < 1e4 ? 1 : 0)} ms`;
    return `${(value / 1e6).toFixed(1)} s`;
  }

  function duration(seconds) {
    if (seconds === null || seconds === undefined) return "–";
    if (seconds < 60) return `${Math.round(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
    return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
  }

  const clock = (millis) => new Date(millis).toLocaleTimeString("en-GB");
  const moment = (millis) => make("time", { datetime: new Date(millis).toISOString() }, clock(millis));

  // columns: [{title, number, wrap, cell(row) → text or node}]; the first one names the row.
  function table(caption, columns, rows, rowClass) {
    if (rows.length === 0) return make("p", { class: "quiet" }, "None.");
    const classOf = (column) => [column.number && "number", column.wrap && "wrap"].filter(Boolean).join(" ") || null;
    return make("table", {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...columns.map((column) => make("th", { scope: "col", class: classOf(column) }, column.title)))),
      make("tbody", {}, ...rows.map((row) => make("tr", { class: rowClass ? rowClass(row) : null },
        ...columns.map((column, index) => (index === 0
          ? make("th", { scope: "row" }, column.cell(row))
          : make("td", { class: classOf(column) }, column.cell(row))))))));
  }

  // Nothing is taken from under somebody's fingers.
  function put(id, ...children) {
    const place = at(id);
    if (place !== document.activeElement && place.contains(document.activeElement)) return;
    const { scrollTop, scrollLeft } = place;
    place.replaceChildren(...children);
    place.scrollTop = scrollTop;
    place.scrollLeft = scrollLeft;
  }

  class Refused extends Error {
    constructor(status, text) { super(text); this.status = status; }
  }

  async function ask(path, options) {
    const answer = await fetch(API + path, { credentials: "same-origin", cache: "no-store", ...options });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(answer.status, body.error || `the proxy answered ${answer.status}`);
    return body;
  }

  function send(path, body) {
    const headers = { "Content-Type": "application/json" };
    if (state.session && state.session.token) headers["X-CSRF-Token"] = state.session.token;
    return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  // --- what is shown ---

  function colourOf(node) {
    if (node === null) return "fnone";
    if (!state.colours.has(node)) state.colours.set(node, state.colours.size % PALETTE);
    return `f${state.colours.get(node)}`;
  }

  function figure(title, value, weight) {
    return make("div", {}, make("dt", {}, title), make("dd", { class: weight || null }, value));
  }

  function showHealth(health) {
    const section = at("health");
    section.className = health.weight;
    if (at("line").textContent !== health.line) at("line").textContent = health.line;
    document.title = `${health.well ? "" : "⚠ "}Slotless: ${health.line}`;
    put("problems", ...health.problems.map((problem) => make("li", { class: problem.weight },
      make("b", {}, problem.what), " since ", moment(problem.since_ms), make("span", { class: "advice" }, problem.advice))));
    const now = health.now;
    put("numbers",
      figure("Requests / s", rate(now.requests_per_s)),
      figure("Errors / s", rate(now.errors_per_s), now.errors_per_s > 0 ? "warning" : null),
      figure("p50", micros(now.p50_us)),
      figure("p99", micros(now.p99_us)),
      figure("In flight", number(now.in_flight_requests)),
      figure("Held", number(now.held_requests), now.held_requests > 0 ? "warning" : null),
      figure("Ambiguous", number(now.ambiguous_writes_total), now.ambiguous_writes_last_minute > 0 ? "trouble" : null),
      figure("Retries", compact(now.retries_total)),
      figure("Clients", number(now.clients)),
      figure("Blocked", number(now.blocked_clients)),
      figure("Leases", number(Object.values(now.leases).reduce((sum, each) => sum + each, 0))),
      figure("Ready", health.ready ? "yes" : "no", health.ready ? null : "trouble"),
      figure("Memory", bytes(health.process.resident_bytes)));
    at("build").textContent = `${health.process.version} · ${health.process.workers} workers · up ${duration(health.process.uptime_s)}`;
  }

  function showTopology(topology) {
    state.topology = topology;
    const ranges = topology.ranges.length > MOST_RANGES ? coarse(topology) : topology.ranges;
    const covered = topology.slots_covered;
    at("slots-line").textContent = topology.known
      ? `${number(covered)} of ${number(topology.slots)} slots are covered by ${topology.masters.length} masters; version ${topology.version}.`
      : "The cluster is not known yet.";
    put("strip", SlotlessCharts.strip({
      slots: topology.slots,
      ranges: ranges.map((range) => ({
        from: range.from, to: range.to, className: colourOf(range.node),
        title: `${range.from}–${range.to}: ${range.node || "no master"}`,
      })),
      marks: topology.open_slots.map((open) => open.slot),
      label: `Map of the slots: ${topology.masters.map((master) => `${master.node} has ${master.slots}`).join(", ")}; ${topology.slots - covered} have no master`,
    }));
    const items = topology.masters.map((master) => make("li", {}, SlotlessCharts.swatch(colourOf(master.node)), `${master.node}: ${number(master.slots)} slots`));
    if (covered < topology.slots && topology.known) {
      items.push(make("li", { class: "uncovered" }, SlotlessCharts.swatch("fnone"), `no master: ${number(topology.slots - covered)} slots`));
    }
    put("legend", ...items);
    const spread = (title, part, format) => (part && part.most_over_mean !== null ? `${title}: ${format(part.least)} to ${format(part.most)} (most is ${part.most_over_mean} × the mean)` : null);
    const parts = topology.imbalance ? [spread("Slots by master", topology.imbalance.slots, number), spread("keys", topology.imbalance.keys, compact), spread("requests/s", topology.imbalance.requests_per_s, rate)] : [];
    at("imbalance").textContent = parts.filter(Boolean).join("; ");
    const open = topology.open_slots;
    at("moving").textContent = open.length === 0 ? "" : `${number(open.length)} ${open.length === 1 ? "slot is" : "slots are"} on the way: ${open.slice(0, 6).map((each) => `${each.slot} from ${each.from || "?"} to ${each.to || "?"}`).join(", ")}${open.length > 6 ? " …" : ""}`;
  }

  // Of a map in thousands of pieces: who has most of each part.
  function coarse(topology) {
    const parts = 1024;
    const size = topology.slots / parts;
    const counts = Array.from({ length: parts }, () => new Map());
    for (const range of topology.ranges) {
      for (let slot = range.from; slot <= range.to; slot += 1) {
        const part = counts[Math.floor(slot / size)];
        part.set(range.node, (part.get(range.node) || 0) + (range.node === null ? parts : 1));
      }
    }
    return counts.map((part, index) => ({ from: index * size, to: (index + 1) * size - 1, node: [...part].sort((a, b) => b[1] - a[1])[0][0] }));
  }

  function linksText(links) {
    const words = Object.entries(links).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${name.replace("_", " ")}`);
    return words.join(", ") || "none needed";
  }

  function nodeState(node) {
    const links = node.links;
    if (node.server && node.server.error) return make("span", { class: "tag trouble" }, node.server.error);
    if (node.server && node.server.loading) return make("span", { class: "tag warning" }, "loading");
    if (links.silent > 0) return make("span", { class: "tag warning" }, "silent");
    if (links.backing_off > 0) return make("span", { class: "tag trouble" }, "unreachable");
    if (node.replication && node.replication.master_link === "down") return make("span", { class: "tag warning" }, "cut off from its master");
    return make("span", { class: "tag ok" }, "well");
  }

  function memoryText(server) {
    if (!server) return "–";
    return server.memory_limit_bytes ? `${bytes(server.memory_bytes)} of ${bytes(server.memory_limit_bytes)}` : bytes(server.memory_bytes);
  }

  function showNodes(nodes) {
    const order = [];
    for (const master of nodes.filter((node) => node.role === "master")) {
      order.push(master, ...nodes.filter((node) => node.master === master.node));
    }
    order.push(...nodes.filter((node) => !order.includes(node)));
    put("nodes", table("Rates of the last ten seconds, from this proxy; memory and keys as the nodes tell them", [
      { title: "Node", cell: (node) => node.node },
      { title: "Role", cell: (node) => node.role },
      { title: "State", cell: nodeState },
      { title: "Slots", number: true, cell: (node) => (node.role === "master" ? number(node.slots) : "") },
      { title: "Requests / s", number: true, cell: (node) => rate(node.requests_per_s) },
      { title: "p50", number: true, cell: (node) => micros(node.p50_us) },
      { title: "p99", number: true, cell: (node) => micros(node.p99_us) },
      { title: "Round trip", number: true, cell: (node) => micros(node.round_trip_us) },
      { title: "In flight", number: true, cell: (node) => number(node.in_flight) },
      { title: "Lag", number: true, cell: (node) => (node.replication ? bytes(node.replication.behind_bytes) : "") },
      { title: "Links", cell: (node) => linksText(node.links) },
      { title: "Lost", number: true, cell: (node) => number(node.losses_total) },
      { title: "Memory", number: true, cell: (node) => memoryText(node.server) },
      { title: "Keys", number: true, cell: (node) => (node.server ? compact(node.server.keys) : "–") },
      { title: "Server", cell: (node) => (node.server ? node.server.server : "–") },
    ], order, (node) => node.role));
  }

  const CHARTS = [
    { title: "Requests / s", fields: ["requests_per_s"], format: rate },
    { title: "Errors / s", fields: ["errors_per_s"], format: rate },
    { title: "Latency: p50, p99 (dashed)", fields: ["p50_us", "p99_us"], format: micros },
    { title: "Held, in flight (dashed)", fields: ["held_requests", "in_flight_requests"], format: compact },
    { title: "Bytes / s: from, to clients (dashed)", fields: ["received_bytes_per_s", "sent_bytes_per_s"], format: bytes },
    { title: "Clients", fields: ["clients"], format: compact },
  ];

  function showTraffic() {
    const traffic = state.traffic;
    if (!traffic) return;
    const column = (name) => traffic.points.map((point) => point[traffic.fields.indexOf(name)]);
    const times = column("unix_ms");
    put("charts", ...CHARTS.map((chart) => {
      const series = chart.fields.map((name, index) => ({ values: column(name), className: `l${index}` }));
      const latest = series.map((each) => (each.values.length ? chart.format(each.values[each.values.length - 1]) : "–")).join(", ");
      const drawn = SlotlessCharts.lines({
        times, series, spanMillis: 15 * 60 * 1000, format: chart.format, label: `${chart.title} over the last 15 minutes, now ${latest}`,
      });
      return make("figure", {}, make("figcaption", {}, make("span", { class: "title" }, chart.title), make("b", {}, latest), make("span", { class: "quiet" }, `top: ${drawn.most}`)), drawn.svg);
    }));
  }

  function addPoint(point) {
    if (!state.traffic || !point[0]) return;
    const points = state.traffic.points;
    if (points.length && points[points.length - 1][0] >= point[0]) return;
    points.push(point);
    while (points.length > 15 * 60 * 1000 / state.traffic.step_ms) points.shift();
    showTraffic();
  }

  function showClients(list) {
    at("clients-line").textContent = `${number(list.clients.length)} shown of ${number(list.connected)} connected, those first that wait and hold most${list.complete ? "" : " (not all were looked at)"}`;
    const killable = state.session.user && state.session.actions;
    const columns = [
      { title: "Id", cell: (client) => client.id },
      { title: "Name", cell: (client) => client.name || "–" },
      { title: "User", cell: (client) => client.user },
      { title: "Address", cell: (client) => client.address },
      { title: "Database", number: true, cell: (client) => client.database },
      { title: "Last command", cell: (client) => client.last_command || "–" },
      { title: "Waits for", wrap: true, cell: (client) => client.waits_for.join("; ") || "nothing" },
      { title: "Holds", wrap: true, cell: (client) => client.holds.join("; ") || "nothing" },
      { title: "Memory", number: true, cell: (client) => bytes(client.memory_bytes) },
      { title: "Idle", number: true, cell: (client) => duration(client.idle_s) },
      { title: "Age", number: true, cell: (client) => duration(client.age_s) },
      { title: "Library", cell: (client) => client.library || "–" },
    ];
    if (killable) columns.push({ title: "Action", cell: killButton });
    put("clients", table("Clients of this proxy", columns, list.clients));
  }

  function killButton(client) {
    const button = make("button", { type: "button", "aria-label": `Close client ${client.id}` }, "Close");
    button.addEventListener("click", () => confirmAction(`Close client ${client.id} (${client.name || client.address})? What it has under way is given up.`, "kill-client", client.id));
    return button;
  }

  function showDatabases(list) {
    put("databases", table("Logical databases", [
      { title: "Database", cell: (each) => each.database },
      { title: "Layout", cell: (each) => each.layout },
      { title: "Slot", number: true, cell: (each) => (each.slot === null ? "all" : each.slot) },
      { title: "Keys", number: true, cell: (each) => (each.keys === null ? "not counted" : number(each.keys)) },
      { title: "Requests", number: true, cell: (each) => (each.requests_total === null ? "not told apart" : compact(each.requests_total)) },
    ], list.databases));
  }

  function showMigration(known) {
    at("migration").hidden = known === null;
    if (known === null) return;
    const way = known.direction === "to_cluster" ? `from ${known.source} to the cluster` : `from the cluster back to ${known.source}`;
    at("migration-line").textContent = known.at_work ? `A run of slotless migrate copies ${way}: ${known.phase}.` :
      `Nobody copies ${way}: slotless migrate run goes on. It was last ${known.phase}, at ${clock(known.updated_ms)}.`;
    const walks = known.at_work && known.phase === "walking" && known.expected_keys > 0;
    at("migration-bar").hidden = !walks;
    if (walks) at("migration-bar").value = Math.min(1, known.walked_keys / known.expected_keys);
    put("migration-numbers",
      figure("Walked", `${compact(known.walked_keys)} of ${compact(known.expected_keys)}`),
      figure("In database", walks ? known.database : "–"),
      figure("Left", walks ? duration(known.eta_s) : "–"),
      figure("Keys copied", compact(known.copied_keys)),
      figure("Keys / s", rate(known.keys_per_s)),
      figure("Bytes copied", bytes(known.copied_bytes)),
      figure("Bytes / s", bytes(known.bytes_per_s)),
      figure("Keys deleted", compact(known.deleted_keys)),
      figure("Changes waiting", number(known.waiting_keys)),
      figure("Lag", micros(known.lag_ms * 1000)),
      figure("Level", known.caught_up ? "yes" : "no", known.at_work ? null : "warning"),
      figure("Source answers in", micros(known.source_latency_us)));
  }

  function showHotKeys(list) {
    const share = (each) => (list.uses_per_s > 0 ? `${Math.round(each.uses_per_s / list.uses_per_s * 100)} %` : "–");
    at("hot-line").textContent = list.sample === 0 ? "Not looked for: hot-keys-sample is 0." :
      `Estimated from one request of ${number(list.sample)}, as of about the last minute.`;
    put("hotkeys", table("Keys of this proxy's clients, those used most first", [
      { title: "Key", wrap: true, cell: (each) => (each.key_bytes > 128 ? `${each.key}… (${bytes(each.key_bytes)})` : each.key) },
      { title: "Database", number: true, cell: (each) => each.database },
      { title: "Node", cell: (each) => each.node || "none" },
      { title: "Uses/s", number: true, cell: (each) => compact(each.uses_per_s) },
      { title: "Of all", number: true, cell: share },
      { title: "Writes/s", number: true, cell: (each) => compact(each.writes_per_s) },
      { title: "Bytes of requests/s", number: true, cell: (each) => bytes(each.request_bytes_per_s) },
    ], list.keys.slice(0, 20)));
  }

  function showProxies(list) {
    const lines = {
      on: "Proxies hear each other on a channel of the cluster, once a second.",
      off: "They do not tell each other of themselves: peers is no.",
      unheard: `This proxy hears nobody on their channel${list.trouble ? `: ${list.trouble}` : ""}.`,
    };
    at("proxies-line").textContent = lines[list.channel] || list.channel;
    put("proxies", table("Those that are heard, this one first", [
      { title: "Proxy", wrap: true, cell: (each) => (each.self ? `${each.place} (this one)` : each.place || each.id) },
      { title: "Version", cell: (each) => each.version },
      { title: "Clients", number: true, cell: (each) => number(each.clients) },
      { title: "Heard", cell: (each) => (each.self ? "–" : `${duration(each.heard_ago_ms / 1000)} ago`) },
      { title: "Subscribers", cell: (each) => each.subscribers },
      { title: "Id", cell: (each) => each.id.slice(0, 8) },
    ], list.proxies));
  }

  function showSlowLog(list) {
    put("slowlog", table("SLOWLOG of this proxy, the newest first", [
      { title: "When", cell: (each) => moment(each.unix_s * 1000) },
      { title: "Took", number: true, cell: (each) => micros(each.duration_us) },
      { title: "Of it, the node", number: true, cell: (each) => (each.node === null ? "–" : micros(each.node_us)) },
      { title: "Node", cell: (each) => each.node || "the proxy itself" },
      { title: "Command", wrap: true, cell: (each) => each.arguments.join(" ") },
      { title: "Client", cell: (each) => each.client_name || each.client },
    ], list.entries));
  }

  function showEvents(list) {
    const events = [...list.events].sort((a, b) => b.id - a.id);
    put("events", ...(events.length ? events.map((each) => make("li", { class: each.weight },
      moment(each.last_ms), make("span", { class: `tag ${each.weight}` }, each.kind),
      make("span", { class: "text" }, each.times > 1 ? `${each.text} (${number(each.times)} times)` : each.text))) : [make("li", {}, "Nothing yet.")]));
  }

  function showLimits(limits) {
    const kinds = [["limits", "limit"], ["forbidden_commands", "refused command"], ["redirects", "redirect"]];
    const rows = kinds.flatMap(([name, kind]) => limits[name].map((each) => ({ kind, ...each }))).filter((each) => each.total > 0);
    put("limits", table("What has acted since the start", [
      { title: "Name", cell: (each) => each.name },
      { title: "Kind", cell: (each) => each.kind },
      { title: "Last minute", number: true, cell: (each) => number(each.last_minute) },
      { title: "Since the start", number: true, cell: (each) => number(each.total) },
    ], rows));
  }

  function showCertificates(list) {
    const left = (each) => Math.floor((each.expires_s * 1000 - Date.now()) / 86400000);
    put("certificates", table("Certificates that this proxy presents", [
      { title: "File", cell: (each) => each.file },
      { title: "To whom", cell: (each) => each.side },
      { title: "Expires", cell: (each) => new Date(each.expires_s * 1000).toISOString().slice(0, 10) },
      { title: "Days left", number: true, cell: (each) => make("span", { class: `tag ${left(each) < 0 ? "trouble" : left(each) < 14 ? "warning" : "ok"}` }, left(each)) },
    ], list.certificates));
  }

  function showConfiguration() {
    if (!state.configuration) return;
    const all = at("defaults").checked;
    put("configuration", table(all ? "All options" : "Options that do not have their defaults", [
      { title: "Option", cell: (each) => make("span", { title: each.meaning }, each.name) },
      { title: "Value", wrap: true, cell: (each) => each.value || "–" },
      { title: "From", wrap: true, cell: (each) => each.source },
      { title: "Changes", cell: (each) => (each.reloadable ? "by a reload" : "by a restart") },
    ], state.configuration.options.filter((each) => all || !each.is_default)));
  }

  // --- what is asked for, and when ---

  async function safely(work) {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) begin();
      return false;
    }
  }

  function take(overview) {
    state.overview = overview;
    state.lastNews = Date.now();
    at("content").hidden = false;
    showHealth(overview.health);
    showNodes(overview.nodes);
    showLimits(overview.limits);
    addPoint(overview.point);
    if (overview.topology_version !== state.topologyVersion) safely(readTopology);
    if (overview.last_event_id !== state.eventId) safely(readEvents);
    showConnection();
  }

  async function readTopology() {
    const topology = await ask("topology.json");
    state.topologyVersion = topology.version;
    showTopology(topology);
  }

  async function readEvents() {
    state.eventId = state.overview ? state.overview.last_event_id : -1;
    showEvents(await ask("events.json"));
  }

  async function readLists() {
    await readTopology();
    const match = at("match").value.trim();
    showProxies(await ask("peers.json"));
    showClients(await ask(`clients.json?match=${encodeURIComponent(match)}`));
    showDatabases(await ask("databases.json"));
    showHotKeys(await ask("hotkeys.json"));
    showMigration((await ask("migration.json")).migration);
    showSlowLog(await ask("slowlog.json"));
  }

  async function readSettings() {
    showCertificates(await ask("certificates.json"));
    state.configuration = await ask("configuration.json");
    showConfiguration();
  }

  // Nobody looks at a page that is in the background.
  function every(millis, work) {
    const own = generation;
    const again = async () => {
      if (!document.hidden) await safely(work);
      if (own === generation) state.timers.push(setTimeout(again, millis));
    };
    again();
  }

  function showConnection() {
    const lost = Date.now() - state.lastNews > 3 * POLL_MILLIS + 2000;
    const text = lost ? `No news from the proxy since ${clock(state.lastNews)}` : state.stream ? "live" : "live, by asking";
    const place = at("connection");
    place.className = lost ? "lost" : "";
    if (place.textContent !== text) place.textContent = text;
  }

  function listen() {
    if (!window.EventSource) return pollInstead();
    const stream = new EventSource(`${API}stream`);
    state.stream = stream;
    stream.addEventListener("overview", (event) => take(JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED && state.stream === stream) {
        state.stream = null;
        pollInstead();
      }
    });
    return undefined;
  }

  function pollInstead() {
    every(POLL_MILLIS, async () => take(await ask("overview.json")));
  }

  function stop() {
    if (state.stream) state.stream.close();
    state.stream = null;
    state.timers.forEach(clearTimeout);
    state.timers = [];
  }

  async function begin() {
    generation += 1;
    const own = generation;
    stop();
    try {
      state.session = await ask("session.json");
    } catch (error) {
      at("connection").textContent = `The proxy does not answer: ${error.message}`;
      at("connection").className = "lost";
      state.timers.push(setTimeout(begin, POLL_MILLIS));
      return;
    }
    if (own !== generation) return;
    showSession();
    if (!state.session.reads) return;
    state.lastNews = Date.now();
    await safely(async () => { state.traffic = await ask("traffic.json"); });
    await safely(async () => take(await ask("overview.json")));
    if (own !== generation) return;
    listen();
    every(LISTS_MILLIS, readLists);
    every(SETTINGS_MILLIS, readSettings);
    every(1000, async () => showConnection());
  }

  function showSession() {
    const session = state.session;
    at("closed").hidden = session.reads;
    if (!session.reads) at("content").hidden = true;
    at("closed-why").textContent = session.has_users ? "This page is read without a login only from the machine itself." : "Only from the machine itself, since nobody may log in: set admin-users, or admin-open.";
    at("login-open").hidden = session.user !== null || !session.has_users;
    at("logout").hidden = session.user === null;
    at("logout").textContent = session.user === null ? "Log out" : `Log out ${session.user}`;
    at("actions").hidden = !session.actions;
    at("actions-buttons").hidden = session.user === null;
    at("actions-why").textContent = session.user === null ? (session.has_users ? "Log in to act." : "Nobody may log in: set admin-users.") : "Each asks back, and is in the log with your name.";
  }

  // --- login and actions ---

  function confirmAction(text, action, argument) {
    const pause = action === "pause";
    at("confirm-text").textContent = text;
    at("confirm-seconds-row").hidden = !pause;
    at("confirm-form").onsubmit = async (event) => {
      event.preventDefault();
      at("confirm").close();
      const given = pause ? Math.round(Number(at("confirm-seconds").value) * 1000) : argument;
      try {
        const outcome = await send(`actions/${action}`, given === undefined ? {} : { argument: given });
        at("actions-outcome").textContent = `${outcome.done}.`;
      } catch (error) {
        at("actions-outcome").textContent = `It was not done: ${error.message}.`;
        if (error.status === 401) begin();
      }
      safely(readLists);
    };
    at("confirm").showModal();
  }

  function wire() {
    at("login-open").addEventListener("click", () => { at("login-error").textContent = ""; at("login").showModal(); });
    at("login-cancel").addEventListener("click", () => at("login").close());
    at("confirm-no").addEventListener("click", () => at("confirm").close());
    at("login-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await send("login", { user: at("user").value, password: at("password").value });
      } catch (error) {
        at("login-error").textContent = `${error.message}.`;
        return;
      } finally {
        at("password").value = "";
      }
      at("login").close();
      begin();
    });
    at("logout").addEventListener("click", async () => { await safely(() => send("logout", {})); begin(); });
    at("act-pause").addEventListener("click", () => confirmAction("Pause all clients? They wait, and lose nothing; the pause ends by itself.", "pause"));
    at("act-resume").addEventListener("click", () => confirmAction("Let all clients go on?", "resume"));
    at("act-reset").addEventListener("click", () => confirmAction("Reset the statistics of INFO and LATENCY HISTOGRAM? Metrics go on.", "reset-statistics"));
    at("act-reload").addEventListener("click", () => confirmAction("Read the configuration anew, as SIGHUP does?", "reload"));
    at("defaults").addEventListener("change", showConfiguration);
    let typing = 0;
    at("match").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => safely(readLists), 300); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && state.session && state.session.reads) safely(readLists); });
  }

  // --- light and dark ---

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const themes = ["system", "light", "dark"];
  let theme = "system";
  try { theme = themes.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "system"; } catch { /* no storage: as the system has it */ }
  function applyTheme() {
    document.documentElement.dataset.theme = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
    at("theme").textContent = `Theme: ${theme}`;
  }
  dark.addEventListener("change", applyTheme);
  at("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("theme", theme); } catch { /* the same */ }
    applyTheme();
  });

  applyTheme();
  wire();
  begin();
})();
