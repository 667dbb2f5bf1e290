// Why requests that were held have not been carried out by their deadline: the errors for their clients.
//
// A leg's own reason is what the node that has its slot said last, or what keeps it from a node. One that is
// only behind others of its client and slot has the reason of the first of them.
#pragma once
#include <string_view>
#include <unordered_map>

#include "protocol/slot.h"
#include "proxy/dispatch/failure_table.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

class LegSender;

// A node has refused it for a moment, by that. Of what is no refusal: that nobody serves the slot.
std::string_view textOfRefusal(Trouble trouble) noexcept;

// Of one client, whose legs are shown in the order of its requests.
class HeldReasons {
 public:
  explicit HeldReasons(const LegSender& sender) : sender_(sender) {}

  // It has not been answered: what follows about its slot may wait for it.
  void show(const Leg& leg);
  // Of a held one. The text lives on.
  std::string_view of(const Leg& leg) const;

 private:
  // Empty: nothing but others, or its own connection.
  std::string_view ownReason(const Leg& leg) const;

  const LegSender& sender_;
  std::unordered_map<protocol::Slot, std::string_view> first_;
};

}  // namespace slotless::session
