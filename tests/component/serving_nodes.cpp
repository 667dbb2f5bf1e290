#include "serving_nodes.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "course_trace.h"

namespace slotless::test {

namespace {

std::string integer(std::size_t value) {
  return ":" + std::to_string(value) + "\r\n";
}

}  // namespace

ServingNodes::ServingNodes(Stage& stage, std::vector<std::string> tags, std::mt19937& random)
    : stage_(stage), tags_(std::move(tags)), random_(random) {
  for (const std::string& tag : tags_) owner_[tag] = Stage::firstOwner(tag);
  told_ = owner_;
}

bool ServingNodes::collect() {
  stage_.settle();
  for (std::size_t node = 1; node <= kNodes; ++node) {
    while (const auto received = stage_.node(node).next()) {
      const auto connection = received->sharedConnection();
      auto line = std::find_if(lines_.begin(), lines_.end(),
                               [&](const Line& each) { return each.connection == connection; });
      if (line == lines_.end()) {
        lines_.push_back({connection, node, {}, {}, false, false, {}, {}});
        line = lines_.end() - 1;
      }
      line->requests.push_back(received->words());
    }
  }
  std::erase_if(lines_, [](const Line& line) { return line.connection->closed(); });
  return !busy().empty();
}

std::vector<ServingNodes::Line*> ServingNodes::busy() {
  std::vector<Line*> found;
  for (Line& line : lines_) {
    if (!line.requests.empty()) found.push_back(&line);
  }
  return found;
}

void ServingNodes::carryOutOne() {
  const auto lines = busy();
  if (lines.empty()) return;
  Line& line = *lines[below(lines.size())];
  for (std::size_t count = 1 + below(3); count > 0 && !line.requests.empty(); --count) carryOut(line);
  deliver(line);
}

void ServingNodes::carryOutAll() {
  for (Line* line : busy()) {
    while (!line->requests.empty()) carryOut(*line);
    deliver(*line);
  }
}

void ServingNodes::deliver(Line& line) {
  line.connection->push(std::exchange(line.replies, {}));
}

void ServingNodes::carryOut(Line& line) {
  const Words words = std::move(line.requests.front());
  line.requests.pop_front();
  const std::string reply = answer(line, words);
  trace("node ", line.node, " on ", line.connection.get(), ": ", textOf(words), " -> ", shown(reply));
  line.replies += reply;
}

std::string ServingNodes::answer(Line& line, const Words& words) {
  const std::string& command = words.front();
  const bool asking = std::exchange(line.asking, false);
  if (command == "ASKING") {
    line.asking = true;
    return "+OK\r\n";
  }
  if (command == "MULTI") {
    line.queued.emplace();
    line.aborted = false;
    line.asking = asking;
    return "+OK\r\n";
  }
  if (command == "EXEC") return execute(line);
  if (command == "DISCARD" || command == "UNWATCH") {
    line.queued.reset();
    line.watched.clear();
    return "+OK\r\n";
  }
  const std::string refused = refusal(line, words, asking);
  if (line.queued) {
    line.asking = asking;
    line.aborted = line.aborted || !refused.empty();
    if (!refused.empty()) return refused;
    line.queued->push_back(words);
    return "+QUEUED\r\n";
  }
  if (!refused.empty()) return refused;
  if (command == "WATCH") {
    for (std::size_t i = 1; i < words.size(); ++i) line.watched[words[i]] = versions_[words[i]];
    return "+OK\r\n";
  }
  return run(words, line.node);
}

std::string ServingNodes::execute(Line& line) {
  if (!line.queued) return "-ERR EXEC without MULTI\r\n";
  const std::vector<Words> queued = std::move(*line.queued);
  const auto watched = std::exchange(line.watched, {});
  line.queued.reset();
  if (line.aborted) return "-EXECABORT Transaction discarded because of previous errors.\r\n";
  for (const auto& [key, version] : watched) {
    if (versions_[key] != version) return "*-1\r\n";
  }
  // What has changed hands since it was queued is not there any more.
  for (const Words& words : queued) {
    for (const std::string& key : keysOf(words)) {
      const bool mine = owner_.at(tagOf(key)) == line.node;
      const auto move = moves_.find(tagOf(key));
      const bool leaving = mine && move != moves_.end();
      const bool coming = move != moves_.end() && move->second.to == line.node;
      if (!mine && !coming) return stage_.moved(key, owner_.at(tagOf(key)));
      if (leaving && move->second.arrived.contains(key)) return ask(key);
    }
  }
  std::string reply = "*" + std::to_string(queued.size()) + "\r\n";
  for (const Words& words : queued) reply += run(words, line.node);
  return reply;
}

std::string ServingNodes::refusal(const Line& line, const Words& words, bool asking) {
  const std::vector<std::string> keys = keysOf(words);
  if (keys.empty()) return {};
  const std::string tag = tagOf(keys.front());
  for (const std::string& key : keys) {
    if (tagOf(key) != tag) return "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
  }
  const auto move = moves_.find(tag);
  const std::size_t owner = owner_.at(tag);
  if (move == moves_.end()) return owner == line.node ? "" : stage_.moved(keys.front(), owner);
  const auto arrived = static_cast<std::size_t>(std::count_if(
      keys.begin(), keys.end(), [&](const std::string& key) { return move->second.arrived.contains(key); }));
  const auto missing = static_cast<std::size_t>(
      std::count_if(keys.begin(), keys.end(), [&](const std::string& key) { return !store_.contains(key); }));
  if (owner == line.node) {
    // A key that is nowhere is made by the node that the slot goes to.
    if (arrived == 0 && missing == 0) return {};
    return arrived + missing < keys.size() ? std::string(kTryAgain) : ask(keys.front());
  }
  if (move->second.to != line.node || !asking) return stage_.moved(keys.front(), owner);
  // A question that has been on its way for a whole hand-over: any client would be told something stale.
  if (arrived + missing < keys.size() && asks_.contains({tag, line.node})) return std::string(kTryAgain);
  if (arrived + missing == 0)
    throw std::logic_error("a node is asked for a key that is still at another one: " + textOf(words));
  return keys.size() > 1 && arrived < keys.size() ? std::string(kTryAgain) : "";
}

std::string ServingNodes::ask(const std::string& key) {
  const std::size_t to = moves_.at(tagOf(key)).to;
  asks_.insert({tagOf(key), to});
  return stage_.ask(key, to);
}

std::string ServingNodes::run(const Words& words, std::size_t node) {
  const std::string& command = words.front();
  const auto value = [&](const std::string& key) {
    const auto found = store_.find(key);
    return found == store_.end() ? std::string("$-1\r\n") : bulk(found->second);
  };
  if (command == "GET") return value(words[1]);
  if (command == "MGET") {
    std::string reply = "*" + std::to_string(words.size() - 1) + "\r\n";
    for (std::size_t i = 1; i < words.size(); ++i) reply += value(words[i]);
    return reply;
  }
  if (command == "EXISTS" || command == "DEL") {
    std::size_t count = 0;
    for (std::size_t i = 1; i < words.size(); ++i) {
      count += store_.contains(words[i]) ? 1U : 0U;
      if (command == "DEL") write(words[i], std::nullopt, node);
    }
    return integer(count);
  }
  if (command == "SET" || command == "MSET") {
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) write(words[i], words[i + 1], node);
    return "+OK\r\n";
  }
  if (command == "APPEND") {
    write(words[1], store_[words[1]] + words[2], node);
    return integer(store_[words[1]].size());
  }
  if (command == "INCR") {
    const std::string before = store_.contains(words[1]) ? store_[words[1]] : "0";
    write(words[1], std::to_string(std::stoull(before) + 1), node);
    return integer(std::stoull(store_[words[1]]));
  }
  throw std::logic_error("no node knows " + textOf(words));
}

void ServingNodes::write(const std::string& key, std::optional<std::string> value, std::size_t node) {
  ++versions_[key];
  const auto move = moves_.find(tagOf(key));
  if (move != moves_.end()) {
    if (value && node == move->second.to) {
      move->second.arrived.insert(key);
    } else {
      move->second.arrived.erase(key);
    }
  }
  if (value) {
    store_[key] = *value;
  } else {
    store_.erase(key);
  }
}

std::vector<std::string> ServingNodes::keysOf(const Words& words) {
  const std::string& command = words.front();
  std::vector<std::string> keys;
  const bool several = command == "MGET" || command == "DEL" || command == "EXISTS" || command == "WATCH";
  const std::size_t step = command == "MSET" ? 2 : 1;
  const std::size_t end =
      several || command == "MSET" ? words.size() : std::min<std::size_t>(2, words.size());
  for (std::size_t i = 1; i < end; i += step) keys.push_back(words[i]);
  return keys;
}

std::string ServingNodes::tagOf(const std::string& key) {
  return key.substr(1, key.find('}') - 1);
}

void ServingNodes::breakOne() {
  if (lines_.empty()) return;
  Line& line = lines_[below(lines_.size())];
  trace("node ", line.node, " on ", line.connection.get(), " breaks");
  for (std::size_t count = below(3); count > 0 && !line.requests.empty(); --count) {
    carryOut(line);
    if (below(2) == 0) deliver(line);
  }
  line.requests.clear();
  if (below(2) == 0) {
    line.connection->reset();
  } else {
    line.connection->breakOff();
  }
}

void ServingNodes::fail(std::size_t node) {
  trace("node ", node, " fails");
  failed_.insert(node);
  stage_.node(node).refusesConnections();
  for (Line& line : lines_) {
    if (line.node != node) continue;
    line.requests.clear();
    line.connection->reset();
  }
}

void ServingNodes::revive() {
  for (const std::size_t node : failed_) stage_.node(node).acceptsConnections();
  failed_.clear();
}

void ServingNodes::moveAtOnce() {
  const std::string& tag = tags_[below(tags_.size())];
  const std::size_t to = next(tag);
  if (to != 0 && !moves_.contains(tag)) take(to, tag);
}

// Slots go to later nodes only. A node that gets a slot which it has refused requests about, while these are
// on their way back to it, may serve the next one first: who has sent both could not tell.
std::size_t ServingNodes::next(const std::string& tag) {
  const std::size_t owner = owner_.at(tag);
  return owner == kNodes ? 0 : owner + 1 + below(kNodes - owner);
}

void ServingNodes::take(std::size_t node, const std::string& tag) {
  trace("node ", node, " has slot ", tag);
  owner_[tag] = node;
}

void ServingNodes::beginMove() {
  const std::string& tag = tags_[below(tags_.size())];
  const std::size_t to = next(tag);
  if (to != 0) moves_.try_emplace(tag, Move{to, {}});
  trace("slot ", tag, " is to go to node ", to);
}

void ServingNodes::moveKey() {
  for (auto& [tag, move] : moves_) {
    for (const auto& [key, value] : store_) {
      // Who watches it sees it go.
      if (tagOf(key) == tag && below(2) == 0 && move.arrived.insert(key).second) {
        ++versions_[key];
        trace(key, " arrives at node ", move.to);
      }
    }
  }
}

void ServingNodes::endMove() {
  while (!moves_.empty()) {
    const auto [tag, move] = *moves_.begin();
    take(move.to, tag);
    moves_.erase(tag);
  }
}

void ServingNodes::tell() {
  for (const std::string& tag : tags_) {
    if (std::exchange(told_[tag], owner_[tag]) != owner_[tag]) stage_.giveSlot(tag, owner_[tag]);
  }
}

}  // namespace slotless::test
