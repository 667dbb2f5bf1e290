#include "config/reload.h"

#include <algorithm>
#include <variant>

#include "config/cross_checks.h"
#include "config/listener.h"
#include "config/value.h"

namespace slotless::config {

namespace {

bool differs(const Option& option, const Config& a, const Config& b) {
  return std::visit([&](auto member) { return a.*member != b.*member; }, option.member);
}

void copy(const Option& option, const Config& from, Config& to) {
  std::visit([&](auto member) { to.*member = from.*member; }, option.member);
}

std::string shown(const Option& option, const Config& config) {
  const std::string text = format(option, config);
  if (!option.isSecret()) return text;
  return text.empty() ? "(not set)" : "(set, not shown)";
}

// New connections are treated by the options of their listener as they are then. Sockets stay.
void reloadListeners(const Option& option, const Config& inForce, const Config& loaded, Reload& reload) {
  std::vector<Listener>& listen = reload.config.listen;
  const auto isSame = [](const Endpoint& a, const Endpoint& b) { return a == b; };
  const bool samePlaces =
      std::equal(listen.begin(), listen.end(), loaded.listen.begin(), loaded.listen.end(), isSame);
  if (samePlaces) {
    for (std::size_t i = 0; i < listen.size(); ++i) takeReloadable(loaded.listen[i], listen[i]);
  }
  const std::string before = shown(option, inForce);
  const std::string now = shown(option, reload.config);
  const std::string found = shown(option, loaded);
  if (now != before) reload.changes.push_back({&option, before, now});
  if (now != found) reload.needRestart.push_back({&option, now, found});
}

}  // namespace

Reload planReload(const Config& inForce, const Config& loaded) {
  Reload reload{inForce, {}, {}, {}};
  for (const Option& option : schema()) {
    if (!differs(option, inForce, loaded)) continue;
    if (option.kind == Kind::Listeners) {
      reloadListeners(option, inForce, loaded, reload);
      continue;
    }
    const Change change{&option, shown(option, inForce), shown(option, loaded)};
    if (option.isReloadable()) {
      copy(option, loaded, reload.config);
      reload.changes.push_back(change);
    } else {
      reload.needRestart.push_back(change);
    }
  }
  // Each of the two was free of contradictions, but their mixture need not be.
  for (const Conflict& conflict : conflicts(reload.config)) {
    reload.errors.push_back({"together with values that need a restart",
                             std::string(conflict.options.front()), conflict.problem});
  }
  if (!reload.errors.empty()) {
    reload.config = inForce;
    reload.changes.clear();
  }
  return reload;
}

}  // namespace slotless::config
