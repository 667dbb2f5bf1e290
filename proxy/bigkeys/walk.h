// Walks over the keys of one node, slowly, and asks of each what it is and how much it takes.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "proxy/bigkeys/tally.h"

namespace slotless::databases {
class Databases;
}
namespace slotless::subcommand {
class NodeClient;
}

namespace slotless::bigkeys {

struct Pace {
  std::uint64_t keysPerSecond = 1000;  // 0: as fast as the server answers
  std::uint64_t samples = 5;           // elements that MEMORY USAGE looks at; 0: all
  // Waits; a test does not.
  std::function<void(std::chrono::microseconds)> pause;
};

// `number`: of the node's own database that the client's connection is in. The error, or nothing.
std::string walk(subcommand::NodeClient& client, const databases::Databases& databases, std::uint32_t number,
                 const Pace& pace, Tally& tally);

}  // namespace slotless::bigkeys
