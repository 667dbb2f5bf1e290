// A client's state at this moment as the plain facts that CLIENT LIST and PROXY CLIENTS show.
#pragma once
#include <string>

#include "proxy/observe/client_facts.h"

namespace slotless::session {

class Client;
struct Services;

ClientFacts factsOf(const Client& client, const Services& services);
// The user that clients of this proxy are.
std::string clientUser(const Client& client, const Services& services);
// The same without a line feed, as the log of refusals keeps it.
std::string clientLine(const Client& client, const Services& services);

}  // namespace slotless::session
