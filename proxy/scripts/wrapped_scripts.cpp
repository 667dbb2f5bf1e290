#include "proxy/scripts/wrapped_scripts.h"

#include <algorithm>
#include <functional>

#include "protocol/ascii.h"
#include "proxy/databases/node_scripts.h"

namespace slotless::session {

using protocol::CommandTable;

namespace {

// Two SHA1s, or a number, each with the allocations and the node of its container.
constexpr std::size_t kPairBytes = 224;
constexpr std::size_t kNumberBytes = 32;

template <typename Container>
std::size_t costOf(const Container& container, std::size_t perEntry) {
  return container.size() * perEntry + container.bucket_count() * sizeof(void*);
}

}  // namespace

void WrappedScripts::prepare(const std::shared_ptr<const CommandTable>& commands) {
  if (commands_ != commands) {
    names_ = std::make_unique<databases::ScriptNames>(*commands, dialect_);
    groupedNames_ =
        std::make_unique<databases::ScriptNames>(*commands, dialect_, databases::ScriptNames::Keys::InGroups);
    guard_ = std::make_unique<databases::ScriptGuard>(*commands, dialect_);
    commands_ = commands;
    forget();
  }
  if (original_.size() >= kMostScripts || forMasters_.size() >= kMostScripts) forget();
}

const databases::ScriptGuard& WrappedScripts::guardFor(const std::shared_ptr<const CommandTable>& commands) {
  prepare(commands);
  return *guard_;
}

void WrappedScripts::setDialect(databases::ScriptDialect dialect) {
  if (dialect == dialect_) return;
  dialect_ = dialect;
  commands_.reset();
}

void WrappedScripts::forget() {
  for (auto& seen : seen_) seen.clear();
  for (BySha& wrapped : wrapped_) wrapped.clear();
  original_.clear();
  forMasters_.clear();
}

std::string WrappedScripts::wrap(std::string_view script, Wrapping wrapping) const {
  switch (wrapping) {
    case Wrapping::Names: return names_->wrap(script);
    case Wrapping::GroupedNames: return groupedNames_->wrap(script);
    case Wrapping::Guard: break;
  }
  return guard_->wrap(script);
}

const ForMasters& WrappedScripts::forMasters(const Script& script,
                                             const std::shared_ptr<const CommandTable>& commands) {
  prepare(commands);
  const auto [entry, isNew] = forMasters_.try_emplace(script.sha);
  ForMasters& found = entry->second;
  if (!isNew) return found;
  found.whole = databases::wholeScriptOf(script.text, *commands);
  if (found.whole.yield != databases::ScriptYield::Untold)
    found.sha = ScriptCache::sha1Of(textForMasters(script));
  return found;
}

std::string WrappedScripts::textForMasters(const Script& script) const {
  return databases::wrapForNodes(script.text, *commands_,
                                 {dialect_.luaServer, false, dialect_.spoiledByCrossing});
}

std::string WrappedScripts::textFor(std::string_view script,
                                    const std::shared_ptr<const CommandTable>& commands, Wrapping wrapping) {
  prepare(commands);
  std::string wrapped = wrap(script, wrapping);
  auto& seen = seen_[static_cast<std::size_t>(wrapping)];
  if (seen.insert(std::hash<std::string_view>{}(script)).second)
    original_.emplace(ScriptCache::sha1Of(wrapped), ScriptCache::sha1Of(script));
  return wrapped;
}

std::optional<std::string_view> WrappedScripts::shaFor(std::string_view sha,
                                                       const std::shared_ptr<const CommandTable>& commands,
                                                       ScriptCache& cache, Wrapping wrapping) {
  prepare(commands);
  if (generation_ != cache.generation()) {
    for (BySha& each : wrapped_) each.clear();
  }
  generation_ = cache.generation();
  BySha& sent = wrapped_[static_cast<std::size_t>(wrapping)];
  std::string said(sha);
  std::transform(said.begin(), said.end(), said.begin(), protocol::lowerAscii);
  const auto known = sent.find(said);
  const bool given = known != sent.end();
  // Others may have displaced it in the cache, from which nodes are given what they lack.
  if (given && cache.find(known->second) != nullptr) return known->second;
  const ScriptRef script = cache.find(said);
  if (script == nullptr) return given ? std::optional<std::string_view>(known->second) : std::nullopt;
  const std::string wrapped = wrap(script->text, wrapping);
  cache.remember(wrapped);
  const auto added = sent.emplace(said, ScriptCache::sha1Of(wrapped)).first;
  original_.emplace(added->second, said);
  return added->second;
}

std::size_t WrappedScripts::bytes() const noexcept {
  std::size_t sum = costOf(original_, kPairBytes);
  for (const BySha& wrapped : wrapped_) sum += costOf(wrapped, kPairBytes);
  for (const auto& seen : seen_) sum += costOf(seen, kNumberBytes);
  return sum + costOf(forMasters_, kPairBytes);
}

std::string WrappedScripts::asSaid(std::string error) const {
  constexpr std::string_view kBefore = "script: ";
  constexpr std::size_t kShaSize = 40;
  const std::size_t at = error.find(kBefore);
  if (at == std::string::npos) return error;
  const auto found = original_.find(error.substr(at + kBefore.size(), kShaSize));
  if (found != original_.end()) error.replace(at + kBefore.size(), kShaSize, found->second);
  return error;
}

}  // namespace slotless::session
