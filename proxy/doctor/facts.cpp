#include "proxy/doctor/facts.h"

#include <algorithm>
#include <charconv>

namespace slotless::doctor {

namespace {

std::string_view cut(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

template <typename Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// "10.0.0.1:6379@16379,node-1,shard-id=…"; before Redis 4 without a bus port.
void readAddress(std::string_view text, Peer& peer) {
  std::string_view rest = text;
  std::string_view address = cut(rest, ',');
  peer.hostname = cut(rest, ',');
  if (peer.hostname.find('=') != std::string::npos) peer.hostname.clear();
  const std::size_t at = address.find('@');
  if (at != std::string_view::npos) parse(address.substr(at + 1), peer.busPort);
  address = address.substr(0, at);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return;
  parse(address.substr(colon + 1), peer.address.port);
  peer.address.host = address.substr(0, colon);
  if (peer.busPort == 0 && peer.address.port != 0 && peer.address.port <= 55535)
    peer.busPort = static_cast<std::uint16_t>(peer.address.port + 10000);
}

void readFlags(std::string_view flags, Peer& peer) {
  while (!flags.empty()) {
    const std::string_view flag = cut(flags, ',');
    if (flag == "myself") peer.myself = true;
    if (flag == "master") peer.master = true;
    if (flag == "fail") peer.failed = true;
    if (flag == "fail?") peer.suspected = true;
    if (flag == "handshake") peer.handshake = true;
  }
}

// "[93->-id]" leaves, "[93-<-id]" comes.
std::optional<OpenSlot> openSlot(std::string_view word) {
  word.remove_prefix(1);
  if (word.ends_with(']')) word.remove_suffix(1);
  const std::size_t dash = word.find('-');
  OpenSlot open;
  if (dash == std::string_view::npos || !parse(word.substr(0, dash), open.slot)) return std::nullopt;
  const std::string_view arrow = word.substr(dash, 3);
  if (arrow != "->-" && arrow != "-<-") return std::nullopt;
  open.importing = arrow == "-<-";
  open.other = word.substr(dash + 3);
  return open;
}

void readSlots(std::string_view word, Peer& peer) {
  if (word.starts_with('[')) {
    if (auto open = openSlot(word)) peer.open.push_back(std::move(*open));
    return;
  }
  std::string_view rest = word;
  SlotRun run;
  if (!parse(cut(rest, '-'), run.first)) return;
  run.last = run.first;
  if (!rest.empty() && !parse(rest, run.last)) return;
  if (run.last < run.first || run.last >= protocol::kSlotCount) return;
  peer.slots.push_back(run);
}

std::optional<Peer> parsePeer(std::string_view line) {
  Peer peer;
  peer.id = cut(line, ' ');
  readAddress(cut(line, ' '), peer);
  readFlags(cut(line, ' '), peer);
  peer.masterId = cut(line, ' ');
  if (peer.masterId == "-") peer.masterId.clear();
  parse(cut(line, ' '), peer.pingSentUnixMillis);
  cut(line, ' ');  // when the last pong came
  parse(cut(line, ' '), peer.epoch);
  const std::string_view link = cut(line, ' ');
  if (link != "connected" && link != "disconnected") return std::nullopt;
  peer.linkUp = link == "connected";
  while (!line.empty()) readSlots(cut(line, ' '), peer);
  return peer;
}

}  // namespace

std::vector<Peer> parsePeers(std::string_view clusterNodes) {
  std::vector<Peer> peers;
  while (!clusterNodes.empty()) {
    std::string_view line = cut(clusterNodes, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (auto peer = parsePeer(line)) peers.push_back(std::move(*peer));
  }
  return peers;
}

Texts parseLines(std::string_view text) {
  Texts texts;
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || line.starts_with('#')) continue;
    texts.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return texts;
}

std::string shownRuns(const std::vector<SlotRun>& runs, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (i == most) return text + ",…";
    if (i > 0) text += ',';
    text += std::to_string(runs[i].first);
    if (runs[i].last != runs[i].first) text += '-' + std::to_string(runs[i].last);
  }
  return text;
}

const Peer* Node::self() const noexcept {
  const auto found = std::find_if(peers.begin(), peers.end(), [](const Peer& peer) { return peer.myself; });
  return found == peers.end() ? nullptr : &*found;
}

bool Node::isMaster() const noexcept {
  const Peer* line = self();
  return line != nullptr ? line->master : peers.empty() && text(info, "role") == "master";
}

std::optional<std::int64_t> Node::number(const Texts& texts, std::string_view name) const {
  const auto found = texts.find(name);
  std::int64_t value = 0;
  if (found == texts.end() || !parse(found->second, value)) return std::nullopt;
  return value;
}

std::string_view Node::text(const Texts& texts, std::string_view name) const {
  const auto found = texts.find(name);
  return found == texts.end() ? std::string_view() : std::string_view(found->second);
}

const Peer* Facts::find(std::string_view id) const {
  const Peer* best = nullptr;
  for (const Node& each : nodes) {
    for (const Peer& peer : each.peers) {
      if (peer.id != id) continue;
      if (peer.myself) return &peer;
      if (best == nullptr || peer.epoch > best->epoch) best = &peer;
    }
  }
  return best;
}

const Node* Facts::node(std::string_view id) const {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const Node& each) { return each.id == id; });
  return found == nodes.end() ? nullptr : &*found;
}

std::string Facts::name(std::string_view id) const {
  if (const Node* known = node(id)) return known->shown();
  const Peer* peer = find(id);
  return peer != nullptr && !peer->address.host.empty() ? peer->address.text() : std::string(id);
}

bool Facts::anySlots() const {
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& node) {
    return std::any_of(node.peers.begin(), node.peers.end(),
                       [](const Peer& peer) { return !peer.slots.empty(); });
  });
}

std::size_t Facts::answered() const {
  return static_cast<std::size_t>(
      std::count_if(nodes.begin(), nodes.end(), [](const Node& node) { return node.good(); }));
}

}  // namespace slotless::doctor
