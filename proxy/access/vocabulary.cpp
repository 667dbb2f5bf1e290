#include "proxy/access/vocabulary.h"

#include <algorithm>
#include <iterator>

#include "protocol/ascii.h"

namespace slotless::access {

using protocol::CommandSpec;

namespace {

// Source: Redis 7.0 acl.c ACLCommandCategories, in its order.
constexpr std::string_view kCategories[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

}  // namespace

bool isInCategory(const CommandSpec& spec, std::string_view category) noexcept {
  return std::any_of(spec.categoryNames.begin(), spec.categoryNames.end(),
                     [&](const std::string& each) { return std::string_view(each).substr(1) == category; });
}

const CommandSpec* Vocabulary::find(std::string_view name) const {
  if (const CommandSpec* known = table_.find(name)) return known;
  const auto is = [&](const CommandSpec& spec) { return protocol::equalsIgnoringCase(spec.name, name); };
  for (const CommandSpec& spec : own_) {
    if (is(spec)) return &spec;
    const auto found = std::find_if(spec.subcommands.begin(), spec.subcommands.end(), is);
    if (found != spec.subcommands.end()) return &*found;
  }
  return nullptr;
}

bool Vocabulary::hasCategory(std::string_view name) const {
  const std::vector<std::string> all = categories();
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::vector<std::string> Vocabulary::categories() const {
  std::vector<std::string> names(std::begin(kCategories), std::end(kCategories));
  visit([&](const CommandSpec& spec, const CommandSpec*) {
    for (const std::string& each : spec.categoryNames) {
      const std::string name = each.substr(1);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  });
  return names;
}

void Vocabulary::visit(const Each& each) const {
  for (const std::span<const CommandSpec> commands : {table_.commands(), own_}) {
    for (const CommandSpec& command : commands) {
      each(command, nullptr);
      for (const CommandSpec& subcommand : command.subcommands) each(subcommand, &command);
    }
  }
}

}  // namespace slotless::access
