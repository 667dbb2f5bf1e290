#include "proxy/migrate/command.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "proxy/migrate/afterwards.h"
#include "proxy/migrate/check.h"
#include "proxy/migrate/cut_over.h"
#include "proxy/migrate/reporter.h"
#include "proxy/migrate/run.h"
#include "proxy/migrate/settings.h"
#include "proxy/migrate/verify.h"

namespace slotless::migrate {

namespace {

struct Action {
  std::string_view name;
  int (*run)(const Settings& settings, Reporter& reporter);
};
constexpr std::array<Action, 8> kActions{{{"check", check},
                                          {"cut-over", cutOver},
                                          {"roll-back", rollBack},
                                          {"run", run},
                                          {"verify", verify},
                                          {"status", status},
                                          {"abort", abort},
                                          {"finish", finish}}};

}  // namespace

int migrate(const subcommand::Arguments& arguments) {
  const SettingsResult read = readSettings(arguments);
  if (!read.help.empty()) {
    std::fputs(read.help.c_str(), stdout);
    return subcommand::kGood;
  }
  Reporter reporter(read.settings.json);
  if (!read.error.empty()) {
    reporter.fail(read.error);
    return subcommand::kTrouble;
  }
  const auto* const action = std::find_if(kActions.begin(), kActions.end(), [&](const Action& each) {
    return each.name == read.settings.action;
  });
  return action == kActions.end() ? subcommand::kTrouble : action->run(read.settings, reporter);
}

}  // namespace slotless::migrate
