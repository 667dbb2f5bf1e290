#include "proxy/routing/sort_stages.h"

#include <map>

#include "protocol/encoder.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

namespace {

// Each may be a request of its own.
constexpr std::size_t kMaxLookUps = 100'000;

using Words = std::vector<std::string_view>;

Part& addPart(Plan& plan, std::string_view key, const Words& request) {
  if (plan.parts.size() == plan.partCount) plan.parts.emplace_back();
  Part& part = plan.parts[plan.partCount++];
  part.slot = protocol::slotOf(key);
  part.keys.clear();
  part.request.clear();
  protocol::appendRequest(part.request, request);
  return part;
}

void begin(Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::Prepared;
  plan.staged = true;
}

}  // namespace

bool planSortStages(protocol::Argv argv, SortStore store, Plan& plan) {
  auto query = parseSort(argv);
  if (!query || (query->store && store == SortStore::Refused)) return false;
  const bool elsewhere = query->store && protocol::slotOf(*query->store) != protocol::slotOf(query->key);
  if (!query->hasWeights() && query->get.empty() && !elsewhere) return false;
  auto composer = std::make_unique<SortComposer>(std::move(*query), plan.protocol);
  composer->askForElements(plan);
  plan.composer = std::move(composer);
  return true;
}

void SortComposer::askForElements(Plan& plan) {
  begin(plan);
  const std::string offset = std::to_string(query_.offset);
  const std::string count = std::to_string(query_.count);
  Words request = {"SORT", query_.key};
  if (!query_.by.empty()) request.insert(request.end(), {"BY", "nosort"});
  if (!query_.hasWeights()) {
    if (query_.descending) request.push_back("DESC");
    if (query_.alpha) request.push_back("ALPHA");
    const bool limitLater = query_.keepsOrder() && query_.store;
    if (!limitLater) request.insert(request.end(), {"LIMIT", offset, count});
  }
  addPart(plan, query_.key, request);
  // What has no order of its own gets one before it is stored.
  if (query_.keepsOrder() && query_.store) addPart(plan, query_.key, {"TYPE", query_.key});
}

bool SortComposer::goOn(std::span<const PartReply> parts, Plan& plan) {
  switch (stage_) {
    case Stage::Elements:
      if (!takeElements(parts)) return false;
      if (!query_.hasWeights()) return finish(plan);
      stage_ = Stage::Weights;
      lookUp({query_.by}, plan);
      return plan.partCount > 0 || order(plan);
    case Stage::Weights: return takeFound(parts) && order(plan);
    case Stage::Values:
      if (!takeFound(parts)) return false;
      if (query_.store) askToStore(plan);
      return query_.store.has_value();
    case Stage::Store: break;
  }
  return false;
}

bool SortComposer::takeElements(std::span<const PartReply> parts) {
  if (appendFirstError(parts, error_)) return false;
  const auto texts = elementsOf(parts.front().bytes);
  if (!texts) return appendUnmergeable(error_);
  for (const std::string_view text : *texts)
    elements_.push_back({std::string(textOf(text).value_or("")), {}});
  if (elements_.size() * std::max<std::size_t>(1, query_.get.size()) > kMaxLookUps)
    return fail("ERR Too many elements for SORT with BY, GET or STORE over several slots");
  if (parts.size() < 2) return true;
  if (textOf(parts[1].bytes) == "set") {
    SortQuery byText = query_;
    byText.alpha = true;
    sortElements(elements_, byText);
  }
  limitElements(elements_, query_);
  return true;
}

// One MGET for each slot, HGETs for the others. The plan has no part if there is nothing to ask.
void SortComposer::lookUp(const std::vector<std::string>& patterns, Plan& plan) {
  begin(plan);
  asked_.clear();
  found_.assign(elements_.size() * patterns.size(), {});
  std::map<protocol::Slot, std::pair<std::vector<std::string>, Places>> bySlot;
  for (std::size_t place = 0; place < found_.size(); ++place) {
    const std::string& element = elements_[place / patterns.size()].text;
    const std::string& pattern = patterns[place % patterns.size()];
    const auto wanted = sortLookUp(pattern, element);
    if (pattern == "#") {
      found_[place] = element;
    } else if (wanted && !wanted->field.empty()) {
      addPart(plan, wanted->key, {"HGET", wanted->key, wanted->field});
      asked_.push_back({place});
    } else if (wanted) {
      auto& [keys, places] = bySlot[protocol::slotOf(wanted->key)];
      keys.push_back(wanted->key);
      places.push_back(place);
    }
  }
  for (auto& [slot, wanted] : bySlot) {
    Words request = {"MGET"};
    request.insert(request.end(), wanted.first.begin(), wanted.first.end());
    addPart(plan, wanted.first.front(), request);
    asked_.push_back(std::move(wanted.second));
  }
}

bool SortComposer::takeFound(std::span<const PartReply> parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
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
  return true;
}

// False: it is over.
bool SortComposer::order(Plan& plan) {
  for (std::size_t i = 0; i < elements_.size(); ++i) elements_[i].weight = std::move(found_[i]);
  if (!sortElements(elements_, query_)) return fail("ERR One or more scores can't be converted into double");
  limitElements(elements_, query_);
  return finish(plan);
}

bool SortComposer::finish(Plan& plan) {
  stage_ = Stage::Values;
  static const std::vector<std::string> kItself = {"#"};
  lookUp(query_.get.empty() ? kItself : query_.get, plan);
  if (plan.partCount > 0) return true;
  if (query_.store) askToStore(plan);
  return query_.store.has_value();
}

void SortComposer::askToStore(Plan& plan) {
  stage_ = Stage::Store;
  begin(plan);
  plan.writes = true;
  const std::string& target = *query_.store;
  if (found_.empty()) {
    addPart(plan, target, {"DEL", target});
    return;
  }
  plan.preludes = 3;  // OK, QUEUED, QUEUED
  Part& part = addPart(plan, target, {"MULTI"});
  const auto add = [&](const Words& request) { protocol::appendRequest(part.request, request); };
  add({"DEL", target});
  Words push = {"RPUSH", target};
  for (const auto& value : found_) push.push_back(value ? std::string_view(*value) : std::string_view());
  add(push);
  add({"EXEC"});
}

bool SortComposer::compose(std::span<const PartReply> parts, std::string& out) {
  if (!error_.empty() || (stage_ == Stage::Store && appendFirstError(parts, error_))) {
    out += error_;
    return false;
  }
  if (stage_ == Stage::Store) {
    protocol::appendInteger(out, static_cast<std::int64_t>(found_.size()));
    return true;
  }
  protocol::appendArrayHeader(out, found_.size());
  for (const auto& value : found_) {
    if (value) {
      protocol::appendBulk(out, *value);
    } else {
      protocol::appendNull(out, protocol_);
    }
  }
  return true;
}

bool SortComposer::fail(std::string_view error) {
  protocol::appendError(error_, error);
  return false;
}

}  // namespace slotless::routing
