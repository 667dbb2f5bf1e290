#include "proxy/routing/sort_stages.h"

#include <algorithm>
#include <limits>
#include <map>

#include "protocol/encoder.h"
#include "protocol/reply_scanner.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

namespace {

constexpr std::size_t kMaxLookUps = 100'000;
// In one stage: each may be a request of its own.
constexpr std::size_t kLookUpsAtOnce = 256;
// What is not worth a turn of its own.
constexpr std::size_t kElementsAtOnce = 512;

// A list that is stored over itself must be what it was: others may add to it while look-ups are made.
constexpr std::string_view kFingerprint =
    "--[[slotless]] return redis.sha1hex(redis.call('dump', KEYS[1]) or '')";
// KEYS: the list; ARGV: its fingerprint, and the elements. -1: it is another one.
constexpr std::string_view kStoreIfSame =
    "--[[slotless]] if redis.sha1hex(redis.call('dump', KEYS[1]) or '') ~= ARGV[1] then return -1 end "
    "redis.call('del', KEYS[1]) "
    "for i = 2, #ARGV, 5000 do "
    "redis.call('rpush', KEYS[1], unpack(ARGV, i, math.min(i + 4999, #ARGV))) "
    "end "
    "return #ARGV - 1";
constexpr std::string_view kIsAnother = ":-1\r\n";
constexpr int kMostTries = 20;

using Words = std::vector<std::string_view>;

Part& ask(Plan& plan, std::string_view key, const Words& request) {
  return addPart(plan, protocol::slotOf(key), request);
}

void begin(Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::Prepared;
  plan.staged = true;
}

}  // namespace

bool planSortStages(protocol::Argv argv, SortStore store, Plan& plan, SortNaming naming) {
  std::string_view error;
  auto query = parseSort(argv, store, error);
  if (!query) {
    plan.clear();
    plan.error = error;
    return !error.empty();
  }
  const bool elsewhere = query->store && protocol::slotOf(*query->store) != protocol::slotOf(query->key);
  if (!query->namesByPattern && !elsewhere) return false;
  auto composer = std::make_unique<SortComposer>(std::move(*query), plan.protocol, std::move(naming));
  composer->askForElements(plan);
  plan.composer = std::move(composer);
  return true;
}

void SortComposer::askForElements(Plan& plan) {
  begin(plan);
  // First: what changes between the two is noticed.
  if (storesOverItself()) ask(plan, query_.key, {"EVAL", kFingerprint, "1", query_.key});
  const std::string offset = std::to_string(query_.offset);
  const std::string count = std::to_string(query_.count);
  Words request = {query_.readOnly ? "SORT_RO" : "SORT", query_.key};
  if (query_.hasWeights() || query_.keepsOrder) request.insert(request.end(), {"BY", "nosort"});
  if (!query_.hasWeights()) {
    if (query_.descending) request.push_back("DESC");
    if (query_.alpha) request.push_back("ALPHA");
    const bool limitLater = query_.keepsOrder && query_.store;
    if (!limitLater) request.insert(request.end(), {"LIMIT", offset, count});
  }
  ask(plan, query_.key, request);
  // What has no order of its own gets one before it is stored.
  if (query_.keepsOrder && query_.store) ask(plan, query_.key, {"TYPE", query_.key});
}

bool SortComposer::goOn(std::span<const PartReply> parts, Plan& plan) {
  begin(plan);
  worked_ = 0;
  if (stage_ == Stage::Store && parts.front().bytes == kIsAnother) return startOver(plan);
  return take(parts) && askNext(plan);
}

bool SortComposer::storesOverItself() const {
  return query_.store == query_.key;
}

bool SortComposer::startOver(Plan& plan) {
  if (++tries_ == kMostTries) return fail("ERR The list changes all the time while it is sorted");
  stage_ = Stage::Elements;
  position_ = count_ = taken_ = 0;
  elements_.clear();
  order_.reset();
  sorted_.clear();
  found_.clear();
  askForElements(plan);
  return true;
}

bool SortComposer::isLastStage() const {
  return stage_ == Stage::Store || (stage_ == Stage::Values && taken_ == range_.end && !query_.store);
}

bool SortComposer::take(std::span<const PartReply> parts) {
  switch (stage_) {
    case Stage::Elements:
      if (!storesOverItself()) return takeElements(parts);
      // Where scripts are denied it is stored unseen.
      fingerprint_ = textOf(parts.front().bytes).value_or("");
      return takeElements(parts.subspan(1));
    case Stage::Weights: return takeFound(parts) && takeWeights();
    case Stage::Values: return takeFound(parts);
    case Stage::Store: break;
  }
  return false;
}

// As many as may be taken at once; the stage is over with the last one.
bool SortComposer::takeElements(std::span<const PartReply> parts) {
  const std::string_view reply = parts.front().bytes;
  if (position_ == 0 && !beginElements(parts)) return false;
  for (; elements_.size() < count_; ++worked_) {
    if (worked_ == kElementsAtOnce) return true;
    protocol::ReplyScanner scanner;
    const auto element = scanner.scan(reply.substr(position_));
    if (element.status != protocol::ReplyScanner::Status::Complete) return appendUnmergeable(error_);
    elements_.push_back({std::string(textOf(reply.substr(position_, element.consumed)).value_or("")), {}});
    position_ += element.consumed;
  }
  if (query_.hasWeights()) {
    order_.emplace(elements_, query_);
  } else if (parts.size() > 1 && textOf(parts[1].bytes) == "set") {
    SortQuery byText = query_;
    byText.alpha = true;
    order_.emplace(elements_, byText);
  }
  stage_ = order_ ? Stage::Weights : Stage::Values;
  return true;
}

bool SortComposer::beginElements(std::span<const PartReply> parts) {
  if (appendFirstError(parts, error_)) return false;
  const std::string_view reply = parts.front().bytes;
  const auto count = isListReply(reply) ? numberOf(reply, position_) : std::nullopt;
  if (!count || *count < 0) return appendUnmergeable(error_);
  count_ = static_cast<std::size_t>(*count);
  if (count_ * std::max<std::size_t>(1, query_.get.size()) > kMaxLookUps)
    return fail("ERR Too many elements for SORT with BY, GET or STORE over several slots");
  const bool limitsHere = query_.hasWeights() || (query_.keepsOrder && query_.store);
  range_ = limitsHere ? limitedRange(count_, query_) : SortRange{0, count_};
  return true;
}

// Something to ask for, or for Nobody: enough for one turn has been done. False: it is over.
bool SortComposer::askNext(Plan& plan) {
  while (worked_ < kElementsAtOnce) {
    switch (stage_) {
      case Stage::Elements: break;  // there are more
      case Stage::Weights:
        if (order_->added() == count_) {
          stage_ = Stage::Values;
          continue;
        }
        askForWeights(plan);
        if (plan.partCount > 0) return true;
        if (!takeWeights()) return false;
        break;
      case Stage::Values:
        if (taken_ == range_.end) {
          if (query_.store) askToStore(plan);
          return query_.store.has_value();
        }
        askForValues(plan);
        if (plan.partCount > 0) return true;
        break;
      case Stage::Store: return false;
    }
  }
  plan.kind = Plan::Kind::Nobody;
  return true;
}

void SortComposer::askForWeights(Plan& plan) {
  const std::size_t first = order_->added();
  const std::size_t end = std::min(count_, first + kLookUpsAtOnce);
  chunk_.clear();
  for (std::size_t place = first; place < end; ++place) chunk_.push_back(place);
  worked_ += chunk_.size();
  found_.clear();
  if (query_.hasWeights()) lookUp({query_.by}, plan);
}

bool SortComposer::takeWeights() {
  for (std::size_t i = 0; i < found_.size(); ++i) elements_[chunk_[i]].weight = std::move(found_[i]);
  const std::size_t end = order_->added() + chunk_.size();
  found_.clear();
  chunk_.clear();
  return order_->add(end) || fail("ERR One or more scores can't be converted into double");
}

void SortComposer::askForValues(Plan& plan) {
  const std::size_t patterns = std::max<std::size_t>(1, query_.get.size());
  const std::size_t atOnce = std::max<std::size_t>(1, kLookUpsAtOnce / patterns);
  chunk_.clear();
  for (; taken_ < range_.end && chunk_.size() < atOnce && worked_ < kElementsAtOnce; ++taken_, ++worked_) {
    const std::size_t place = order_ ? order_->next().value_or(0) : taken_;
    if (taken_ >= range_.begin) chunk_.push_back(place);
  }
  if (query_.get.empty()) {
    sorted_.insert(sorted_.end(), chunk_.begin(), chunk_.end());
  } else {
    lookUp(query_.get, plan);
  }
}

// One MGET for each slot, HGETs for the others. The plan has no part if there is nothing to ask.
void SortComposer::lookUp(const std::vector<std::string>& patterns, Plan& plan) {
  asked_.clear();
  std::map<protocol::Slot, std::pair<std::vector<std::string>, Places>> bySlot;
  for (const std::size_t element : chunk_) {
    const std::string& text = elements_[element].text;
    for (const std::string& pattern : patterns) {
      const std::size_t place = found_.size();
      found_.emplace_back();
      if (pattern == "#") {
        found_.back() = text;
        continue;
      }
      auto wanted = sortLookUp(pattern, text);
      if (!wanted) continue;
      std::optional<std::string> named = naming_(wanted->key);
      if (!named) continue;
      wanted->key = std::move(*named);
      if (!wanted->field.empty()) {
        ask(plan, wanted->key, {"HGET", wanted->key, wanted->field});
        asked_.push_back({place});
      } else {
        auto& [keys, places] = bySlot[protocol::slotOf(wanted->key)];
        keys.push_back(wanted->key);
        places.push_back(place);
      }
    }
  }
  for (auto& [slot, wanted] : bySlot) {
    Words request = {"MGET"};
    request.insert(request.end(), wanted.first.begin(), wanted.first.end());
    ask(plan, wanted.first.front(), request);
    asked_.push_back(std::move(wanted.second));
  }
}

bool SortComposer::takeFound(std::span<const PartReply> parts) {
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    const std::string_view reply = parts[i].bytes;
    if (isErrorReply(reply)) {
      if (reply.starts_with("-WRONGTYPE ")) continue;  // no hash: nothing found
      error_ = reply;
      return false;
    }
    const auto several = isListReply(reply) ? elementsOf(reply) : std::nullopt;
    for (std::size_t j = 0; j < asked_[i].size(); ++j) {
      const std::string_view each = several && j < several->size() ? (*several)[j] : reply;
      if (const auto text = textOf(each)) found_[asked_[i][j]] = *text;
    }
  }
  asked_.clear();
  return true;
}

void SortComposer::askToStore(Plan& plan) {
  stage_ = Stage::Store;
  plan.writes = true;
  const std::string& target = *query_.store;
  if (!fingerprint_.empty()) {
    Words store = {"EVAL", kStoreIfSame, "1", target, fingerprint_};
    for (std::size_t i = 0; i < resultSize(); ++i) store.push_back(resultAt(i).value_or(std::string_view()));
    ask(plan, target, store);
    return;
  }
  if (resultSize() == 0) {
    ask(plan, target, {"DEL", target});
    return;
  }
  plan.preludes = 3;  // OK, QUEUED, QUEUED
  Part& part = ask(plan, target, {"MULTI"});
  const auto add = [&](const Words& request) { protocol::appendRequest(part.request, request); };
  add({"DEL", target});
  Words push = {"RPUSH", target};
  for (std::size_t i = 0; i < resultSize(); ++i) push.push_back(resultAt(i).value_or(std::string_view()));
  add(push);
  add({"EXEC"});
}

bool SortComposer::compose(std::span<const PartReply> parts, std::string& out) {
  if (!error_.empty() || (stage_ == Stage::Store && appendFirstError(parts, error_))) {
    out += error_;
    return false;
  }
  if (stage_ == Stage::Store) {
    protocol::appendInteger(out, static_cast<std::int64_t>(resultSize()));
    return true;
  }
  composePiece(parts, out, std::numeric_limits<std::size_t>::max());
  return true;
}

bool SortComposer::composesInPieces(std::span<const PartReply>) const {
  return error_.empty() && stage_ == Stage::Values && resultSize() > kElementsAtOnce;
}

Composer::Piece SortComposer::composePiece(std::span<const PartReply>, std::string& out,
                                           std::size_t elements) {
  if (composed_ == 0) protocol::appendArrayHeader(out, resultSize());
  const std::size_t end = composed_ + std::min(elements, resultSize() - composed_);
  for (; composed_ < end; ++composed_) {
    if (const auto value = resultAt(composed_)) {
      protocol::appendBulk(out, *value);
    } else {
      protocol::appendNull(out, protocol_);
    }
  }
  return composed_ < resultSize() ? Piece::More : Piece::Good;
}

std::size_t SortComposer::resultSize() const {
  return query_.get.empty() ? sorted_.size() : found_.size();
}

std::optional<std::string_view> SortComposer::resultAt(std::size_t index) const {
  if (query_.get.empty()) return elements_[sorted_[index]].text;
  return found_[index] ? std::optional<std::string_view>(*found_[index]) : std::nullopt;
}

bool SortComposer::fail(std::string_view error) {
  protocol::appendError(error_, error);
  return false;
}

}  // namespace slotless::routing
