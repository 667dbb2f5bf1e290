#include "proxy/advise/usage.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "protocol/key_extraction.h"

namespace slotless::advise {

using protocol::CommandSpec;
using protocol::SessionRole;
using subcommand::SeenCommand;

namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return result;
}

std::vector<std::string> keysOf(const CommandSpec& spec, const std::vector<std::string_view>& words) {
  std::vector<std::uint32_t> positions;
  std::vector<std::string> keys;
  if (protocol::keyPositions(spec, protocol::Argv(words), positions) != protocol::KeyResult::Ok) return keys;
  for (const std::uint32_t position : positions) keys.emplace_back(words[position]);
  return keys;
}

bool isScript(const CommandSpec& spec) {
  return spec.in(protocol::kCategoryScripting) && !spec.keySpecs.empty();
}

}  // namespace

void Usage::addKeys(Together& to, const std::vector<std::string>& keys, bool aboutAll) const {
  for (const std::string& key : keys) {
    if (to.keys.size() < kMostKeys) to.keys.insert(key);
  }
  to.aboutAll = to.aboutAll || aboutAll;
}

void Usage::keep(const Together& together) {
  DatabaseUsage& database = databases_[together.database];
  const bool several = together.keys.size() > 1;
  const bool matters = together.kind == UseKind::Transaction || together.kind == UseKind::Script || several;
  if (matters) ++database.seen[static_cast<std::size_t>(together.kind)];
  const bool declaresNone = together.kind == UseKind::Script && !together.declares && !together.keys.empty();
  // What is about a whole database is at home in every layout unless it is part of something.
  const bool isPart = together.kind == UseKind::Transaction || together.kind == UseKind::Script;
  const bool aboutAll = together.aboutAll && isPart;
  if (!several && !aboutAll && !declaresNone) return;
  std::string id = std::to_string(static_cast<int>(together.kind)) + together.name + (aboutAll ? "*" : "") +
                   (declaresNone ? "-" : "");
  for (const std::string& key : together.keys) id.append(1, '\0').append(key);
  const auto found = database.uses.find(id);
  if (found != database.uses.end()) {
    ++found->second.count;
  } else if (database.uses.size() < kMostUses) {
    database.uses.emplace(std::move(id), Use{together.kind,
                                             together.name,
                                             {together.keys.begin(), together.keys.end()},
                                             aboutAll,
                                             declaresNone,
                                             1});
  } else {
    ++database.notKept;
  }
}

void Usage::closeScript() {
  if (!scriptIsOpen_) return;
  scriptIsOpen_ = false;
  keep(script_);
  Client& client = clients_[scriptsClient_];
  if (client.inTransaction)
    addKeys(client.transaction, {script_.keys.begin(), script_.keys.end()}, script_.aboutAll);
  script_ = {};
}

void Usage::finish() {
  closeScript();
}

void Usage::addCall(const SeenCommand& seen) {
  const std::vector<std::string_view> words(seen.words.begin(), seen.words.end());
  const CommandSpec* const spec = table_->find(protocol::Argv(words));
  if (scriptIsOpen_ && spec != nullptr)
    addKeys(script_, keysOf(*spec, words), spec->wholeDatabase != protocol::WholeDatabase::None);
}

void Usage::add(const SeenCommand& seen) {
  if (seen.client == "lua") return addCall(seen);
  closeScript();
  ++commands_;
  ++databases_[seen.database].commands;
  const std::vector<std::string_view> words(seen.words.begin(), seen.words.end());
  const CommandSpec* const spec = table_->find(protocol::Argv(words));
  if (spec == nullptr) return;
  Client& client = clients_[seen.client];
  switch (spec->role) {
    case SessionRole::Watch: {
      auto& watched = client.watched[seen.database];
      for (std::string& key : keysOf(*spec, words)) {
        if (watched.size() < kMostKeys) watched.insert(std::move(key));
      }
      return;
    }
    case SessionRole::Multi:
      client.inTransaction = true;
      client.transaction = {UseKind::Transaction,          seen.database, "MULTI",
                            client.watched[seen.database], false,         false};
      return;
    case SessionRole::Exec:
      if (client.inTransaction) keep(client.transaction);
      clients_.erase(seen.client);
      return;
    case SessionRole::Discard:
    case SessionRole::Unwatch:
    case SessionRole::Reset:
    case SessionRole::Quit: clients_.erase(seen.client); return;
    default: break;
  }
  std::vector<std::string> keys = keysOf(*spec, words);
  const bool aboutAll = spec->wholeDatabase != protocol::WholeDatabase::None;
  Together call{UseKind::Command, seen.database, upper(seen.words.front()), {}, false, !keys.empty()};
  addKeys(call, keys, aboutAll);
  if (isScript(*spec)) {
    call.kind = UseKind::Script;
    script_ = std::move(call);
    scriptsClient_ = seen.client;
    scriptIsOpen_ = true;
    return;
  }
  // A part of a transaction is no command for itself.
  if (client.inTransaction) {
    if (client.transaction.database == seen.database) addKeys(client.transaction, keys, aboutAll);
    return;
  }
  if (spec->handling == protocol::Handling::Split) call.kind = UseKind::Split;
  keep(call);
}

}  // namespace slotless::advise
