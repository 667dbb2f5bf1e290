// What is wrong with configured users, before they are taken over; and which of their rules name what no
// server knows.
#pragma once
#include <string>
#include <vector>

#include "config/config.h"
#include "protocol/command_table.h"
#include "proxy/access/roster.h"

namespace slotless::server {

// Names that are not known are none of it: servers may have them.
std::vector<std::string> objectionsToUsers(const std::vector<std::string>& lines, const std::string& where);
// When the servers have told what they know: of rules of users, and of what listeners deny.
void warnOfUnknownNames(const access::Roster& roster, const config::Config& config,
                        const protocol::CommandTable& commands);

}  // namespace slotless::server
