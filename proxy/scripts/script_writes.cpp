#include "proxy/scripts/script_writes.h"

#include <algorithm>
#include <string_view>

namespace slotless::session {

namespace {

// Commands whose effects replicas get although COMMAND flags no write. Source:
// redis.io/commands/client-pause.
constexpr std::string_view kReplicated[] = {"eval", "evalsha", "fcall", "pfcount", "publish", "spublish"};

bool declaresNoWrites(std::string_view script) {
  const std::string_view first = script.substr(0, script.find('\n'));
  const auto flags = first.find("flags=");
  return first.starts_with("#!") && flags != std::string_view::npos &&
         first.find("no-writes", flags) != std::string_view::npos;
}

bool isReadOnlyScript(const protocol::CommandSpec& spec, protocol::Argv argv, ScriptCache& scripts) {
  if (spec.name == "eval") return declaresNoWrites(argv[1]);
  if (spec.name != "evalsha") return false;
  const ScriptRef script = scripts.find(argv[1]);
  return script != nullptr && declaresNoWrites(script->text);
}

}  // namespace

bool mayReplicate(const protocol::CommandSpec& spec, protocol::Argv argv, ScriptCache& scripts) {
  if (spec.has(protocol::kWrite) || spec.has(protocol::kMayReplicate)) return true;
  const bool replicated =
      std::find(std::begin(kReplicated), std::end(kReplicated), spec.name) != std::end(kReplicated);
  return replicated && !isReadOnlyScript(spec, argv, scripts);
}

std::string_view functionCalledBy(const protocol::CommandSpec& spec, protocol::Argv argv) {
  return spec.name == "fcall" ? argv[1] : std::string_view{};
}

}  // namespace slotless::session
