// A client's state at this moment as the plain facts that CLIENT LIST and PROXY CLIENTS show.
#pragma once
#include <string>

#include "proxy/observe/client_facts.h"

namespace slotless::session {

class Client;
struct Services;

ClientFacts factsOf(const Client& client, const Services& services);
// The user that clients of this proxy are.
std::string clientUser(const Services& services);

}  // namespace slotless::session
