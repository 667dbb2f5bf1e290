#include "proxy/commands/pause_commands.h"
#include "proxy/commands/slow_log_commands.h"
#include "proxy/console/console_commands.h"

namespace slotless::session {

std::span<const LocalEntry> consoleEntries() noexcept {
  static constexpr LocalEntry kEntries[] = {
      {"proxy|clients", consoleClients, When::Late},
      {"proxy|config", consoleConfig},
      {"proxy|cut-over", consoleCutOver, When::Late},
      {"proxy|databases", consoleDatabases, When::Late},
      {"proxy|explain", consoleExplain},
      {"proxy|help", consoleHelp},
      {"proxy|hotkeys", consoleHotKeys},
      {"proxy|links", consoleLinks, When::Late},
      {"proxy|memory", consoleMemory, When::Late},
      {"proxy|nodes", consoleNodes},
      {"proxy|pause", consolePause, When::Late},
      {"proxy|peers", consolePeers},
      {"proxy|resume", consoleResume, When::Late},
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
