#include "proxy/commands/slow_log_commands.h"
#include "proxy/console/console_commands.h"

namespace slotless::session {

std::span<const LocalEntry> consoleEntries() noexcept {
  static constexpr LocalEntry kEntries[] = {
      {"proxy|clients", consoleClients, When::Late},
      {"proxy|config", consoleConfig, When::Late},
      {"proxy|cut-over", consoleCutOver, When::Late},
      {"proxy|databases", consoleDatabases, When::Late},
      {"proxy|explain", consoleExplain},
      {"proxy|help", consoleHelp},
      {"proxy|hotkeys", consoleHotKeys},
      {"proxy|kill", consoleKill, When::Late},
      {"proxy|links", consoleLinks, When::Late},
      {"proxy|memory", consoleMemory, When::Late},
      {"proxy|nodes", consoleNodes},
      {"proxy|pause", consolePauseAll, When::Late},
      {"proxy|peers", consolePeers},
      {"proxy|resume", consoleResumeAll, When::Late},
      {"proxy|shadow", consoleShadow},
      {"proxy|slots", consoleSlots},
      {"proxy|slowlog", consoleSlowLog, When::Late},
      {"proxy|stats", consoleStats},
      {"proxy|users", consoleUsers, When::Late},
      {"proxy|version", consoleVersion},
  };
  return kEntries;
}

}  // namespace slotless::session
