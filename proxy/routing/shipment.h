// Commands over keys in several slots, carried out by the node that has the key which is written, or else
// most of the keys: the values of the others are fetched (DUMP), restored there under reserved names, used
// and deleted.
//
// What arrives is used and deleted at one moment, in a transaction, or in a script if the command writes: so
// that nothing is written with a value that could not be restored. The values are those of the moment in
// which they were fetched. What travels is decided by the flags of the command's key specifications, not by
// its name. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/slot.h"
#include "proxy/routing/plan.h"

namespace slotless::routing {

struct Shipment {
  protocol::Slot destination = protocol::kNoSlot;
  std::vector<std::uint32_t> travelling;  // positions of the keys that are in other slots
  std::optional<std::uint32_t> written;   // position of a key that is written; none: the command only reads
};

// nullopt: not a command of that kind, or not with these arguments (it writes keys in several slots, for
// example). Requires keys in more than one slot.
std::optional<Shipment> shipmentOf(const protocol::CommandSpec& spec, protocol::Argv argv);

// `maxBytes`: more than that does not travel for one command; 0: no limit.
void planShipment(Shipment shipment, protocol::Argv argv, std::uint64_t maxBytes, Plan& plan);

}  // namespace slotless::routing
