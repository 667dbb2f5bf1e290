#include "proxy/session/listener_rules.h"

#include <algorithm>
#include <cctype>

#include "config/listener.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

namespace {

using protocol::CommandSpec;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool covers(std::string_view rule, const CommandSpec& spec, const CommandSpec* container) {
  if (rule.starts_with('@')) return access::isInCategory(spec, rule.substr(1));
  return rule == spec.name || (container != nullptr && rule == container->name);
}

}  // namespace

ListenerRules::ListenerRules(const std::vector<std::string>& denied, const std::vector<std::string>& renames,
                             const access::Vocabulary& words) {
  for (const std::string_view rename : renames) {
    const std::size_t equals = rename.find('=');
    const std::string_view name = rename.substr(0, equals);
    const std::string_view other = rename.substr(equals + 1);
    if (!other.empty()) names_.emplace(other, name);
    gone_.emplace(name);
  }
  words.visit([&](const CommandSpec& spec, const CommandSpec* container) {
    const bool isDenied = std::any_of(denied.begin(), denied.end(),
                                      [&](const std::string& rule) { return covers(rule, spec, container); });
    // Of names that cannot be told apart, all.
    if (isDenied) denied_.set(spec.id);
    const std::string& word = container == nullptr ? spec.name : container->name;
    if (gone_.contains(word) || names_.contains(word)) renamed_.set(spec.id);
  });
}

const std::string* ListenerRules::ownName(std::string_view name) const {
  static const std::string nothing;
  const std::string word = lower(name);
  if (const auto found = names_.find(word); found != names_.end()) return &found->second;
  return gone_.contains(word) ? &nothing : nullptr;
}

void ListenerRulebook::refresh() {
  const config::Config& config = services_.config;
  const access::Vocabulary words = services_.accounts.vocabulary();
  rules_.clear();
  for (const config::Listener& listener : config.listen) {
    const auto& denied = config::effective(listener.options.denyCommands, config.denyCommands);
    const auto& renames = config::effective(listener.options.renameCommands, config.renameCommands);
    const bool any = !denied.empty() || !renames.empty();
    rules_.push_back(any ? std::make_unique<const ListenerRules>(denied, renames, words) : nullptr);
  }
  for (const auto& [id, client] : services_.clients) {
    client->requestion();
    // The limit that it waits for may be another one, or none.
    if (client->limits() != nullptr && client->limits()->onTurn()) client->wake();
  }
}

}  // namespace slotless::session
