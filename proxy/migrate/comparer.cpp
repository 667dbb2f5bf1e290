#include "proxy/migrate/comparer.h"

#include <cstdlib>
#include <utility>

namespace slotless::migrate {

using subcommand::Reply;

namespace {

std::string timeText(std::int64_t expiry, bool exact) {
  if (expiry < 0) return "none";
  return exact ? "until " + std::to_string(expiry) + " ms" : std::to_string(expiry) + " ms";
}

}  // namespace

Comparer::Comparer(const Places& places, const SourceFacts& facts, Source source, NodeWriter target,
                   std::chrono::milliseconds ttlTolerance, std::int64_t bigKeyBytes)
    : places_(places),
      facts_(facts),
      source_(std::move(source)),
      target_(std::move(target)),
      tolerance_(ttlTolerance),
      bigKeyBytes_(bigKeyBytes),
      exactTimes_(facts.tellsExpiryTimes) {}

bool Comparer::look(const std::vector<Key>& keys, const std::vector<Place>& places, std::vector<Side>& source,
                    std::vector<Side>& target) {
  for (;;) {
    const std::string expiry = exactTimes_ ? "PEXPIRETIME" : "PTTL";
    std::vector<SourceQuestion> questions;
    std::vector<NodeOp> ops;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto& [slot, database, name] = places[i];
      for (const std::string& command : {std::string("TYPE"), expiry}) {
        questions.push_back({keys[i].database, {command, keys[i].name}, {}});
        ops.push_back({slot, database, {command, name}, {}, false});
      }
      if (facts_.tellsSizes)
        questions.push_back({keys[i].database, {"MEMORY", "USAGE", keys[i].name, "SAMPLES", "3"}, {}});
    }
    if (!source_.ask(questions) || !target_.carryOut(ops)) return false;
    if (!ops.empty() && ops[1].reply.isError() && exactTimes_) {
      exactTimes_ = false;  // the target does not know it
      continue;
    }
    auto next = questions.begin();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      source[i].type = (next++)->reply.text;
      source[i].expiry = (next++)->reply.number();
      if (facts_.tellsSizes) source[i].bytes = (next++)->reply.number();
      target[i].type = ops[2 * i].reply.text;
      target[i].expiry = ops[2 * i + 1].reply.number();
      if (ops[2 * i].reply.isError()) {
        error_ = "the target: " + ops[2 * i].reply.text;
        return false;
      }
    }
    return true;
  }
}

bool Comparer::dump(const std::vector<Key>& keys, const std::vector<Place>& places, std::vector<Side>& source,
                    std::vector<Side>& target) {
  std::vector<SourceQuestion> questions;
  std::vector<NodeOp> ops;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (source[i].type != target[i].type || source[i].type == "none" || source[i].bytes > bigKeyBytes_)
      continue;
    which.push_back(i);
    questions.push_back({keys[i].database, {"DUMP", keys[i].name}, {}});
    ops.push_back({places[i].slot, places[i].nodeDatabase, {"DUMP", places[i].name}, {}, false});
  }
  if (!source_.ask(questions) || !target_.carryOut(ops)) return false;
  for (std::size_t i = 0; i < which.size(); ++i) {
    source[which[i]].payload = std::move(questions[i].reply.text);
    target[which[i]].payload = std::move(ops[i].reply.text);
  }
  return true;
}

bool Comparer::digest(const Key& key, const Place& place, const std::string& type, DigestResult& source,
                      DigestResult& target) {
  source = digestOf(key.name, type, [&](std::vector<std::string> words) {
    return source_.ask(key.database, std::move(words));
  });
  target = digestOf(place.name, type, [&](std::vector<std::string> words) -> std::optional<Reply> {
    std::vector<NodeOp> ops;
    ops.push_back({place.slot, place.nodeDatabase, std::move(words), {}, false});
    if (!target_.carryOut(ops)) return std::nullopt;
    return std::move(ops.front().reply);
  });
  // An error is a change of type under way; what is not known here has its DUMP only.
  return !source.stopped && !target.stopped;
}

std::string Comparer::differenceOf(const Side& source, const Side& target) const {
  if (source.type == "none" && target.type == "none") return {};
  if (target.type == "none") return "only on the source";
  if (source.type == "none") return "only on the target";
  if (source.type != target.type) return "type " + source.type + ", on the target " + target.type;
  const bool same = source.expiry < 0 || target.expiry < 0
                        ? (source.expiry < 0) == (target.expiry < 0)
                        : std::abs(source.expiry - target.expiry) <= tolerance_.count();
  if (same) return {};
  return "time to live " + timeText(source.expiry, exactTimes_) + ", on the target " +
         timeText(target.expiry, exactTimes_);
}

bool Comparer::compare(const std::vector<Key>& keys, bool withMarks, std::vector<Comparison>& out) {
  std::vector<Key> placed;
  std::vector<Place> places;
  for (const Key& key : keys) {
    auto place = places_.of(key);
    if (!place) continue;
    placed.push_back(key);
    places.push_back(*std::move(place));
  }
  std::vector<Side> source(placed.size());
  std::vector<Side> target(placed.size());
  if (!look(placed, places, source, target)) return false;
  if (!withMarks && !dump(placed, places, source, target)) return false;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    Comparison& made = out.emplace_back();
    made.key = placed[i];
    made.difference = differenceOf(source[i], target[i]);
    // Times to live that are told as what is left are others each time.
    made.mark = source[i].type + (exactTimes_ ? std::to_string(source[i].expiry) : "");
    const bool dumpsAgree = !source[i].payload.empty() && source[i].payload == target[i].payload;
    if (source[i].type == "none" || dumpsAgree) continue;
    DigestResult ours;
    DigestResult theirs;
    if (!digest(placed[i], places[i], source[i].type, ours, theirs)) return false;
    for (const std::uint64_t part : {ours.number[0], ours.number[1], ours.groups[0], ours.groups[1]})
      made.mark += " " + std::to_string(part);
    if (!made.difference.empty()) continue;
    if (ours.number != theirs.number)
      made.difference = "value of type " + source[i].type;
    else if (ours.groups != theirs.groups)
      made.difference = kGroupsDiffer;
  }
  return true;
}

bool Comparer::onlyOnTarget(const std::vector<Key>& keys, std::vector<Key>& out) {
  std::vector<SourceQuestion> questions;
  questions.reserve(keys.size());
  for (const Key& key : keys) questions.push_back({key.database, {"EXISTS", key.name}, {}});
  if (!source_.ask(questions)) return false;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (questions[i].reply.kind == Reply::Kind::Integer && questions[i].reply.integer == 0)
      out.push_back(keys[i]);
  }
  return true;
}

}  // namespace slotless::migrate
