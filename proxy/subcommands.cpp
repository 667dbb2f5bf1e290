#include "subcommands.h"

#include "proxy/advise/advise.h"
#include "proxy/bigkeys/bigkeys.h"
#include "proxy/doctor/doctor.h"
#include "proxy/migrate/command.h"

namespace slotless {

namespace {

// Whoever adds one adds a line: {"name", "What it does.", room::run}.
constexpr subcommand::Subcommand kAll[] = {
    {"migrate", "Copy one Redis or Valkey into the cluster while it is in use.", migrate::migrate},
    {"doctor", "Says what is wrong with a cluster, why it matters and what to do. Changes nothing.",
     doctor::run},
    {"advise", "Proposes layouts for the databases of a server, by its keys and its use. Changes nothing.",
     advise::run},
    {"bigkeys", "Says which keys take how much memory, by database and type.", bigkeys::run},
};

}  // namespace

std::span<const subcommand::Subcommand> subcommands() {
  return kAll;
}

}  // namespace slotless
