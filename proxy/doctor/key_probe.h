// Looks at some of a master's keys: how large they are, how much they are used, and whose they are.
#pragma once
#include <cstdint>

#include "proxy/doctor/facts.h"

namespace slotless::databases {
class Databases;
}
namespace slotless::subcommand {
class NodeClient;
}

namespace slotless::doctor {

// `countsUse`: the eviction policy does, so that OBJECT FREQ has an answer.
KeySample sampleKeys(subcommand::NodeClient& client, const databases::Databases& databases,
                     std::uint64_t most, bool countsUse);

// Is it a name that no database has as they are laid out now?
bool isStranger(const databases::Databases& databases, std::string_view key);

}  // namespace slotless::doctor
