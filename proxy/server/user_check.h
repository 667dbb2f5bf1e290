// What is wrong with configured users, before they are taken over; and which of their rules name what no
// server knows.
#pragma once
#include <string>
#include <vector>

#include "proxy/access/roster.h"

namespace slotless::server {

// Names that are not known are none of it: servers may have them.
std::vector<std::string> objectionsToUsers(const std::vector<std::string>& lines, const std::string& where);
// When the servers have told what they know.
void warnOfUnknownNames(const access::Roster& roster, const protocol::CommandTable& commands);

}  // namespace slotless::server
