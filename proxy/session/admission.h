// Which connections become clients: by their address and by how many there are of it.
//
// Asked once for each connection, when it is known where it comes from.
#pragma once
#include <string_view>

#include "proxy/net/address/address.h"

namespace slotless::session {

class Client;
struct Services;

// May the address tell from where others come? Of a Unix socket's it is a matter of the file.
bool isTrustedBalancer(const Services& services, std::size_t listener, const net::Address& peer);
// True: it may come; it counts then. Otherwise it has been noted, and `line` is for the client (with '-' and
// CRLF), or empty where it is to be told nothing.
bool admits(Client& client, Services& services, std::string_view& line);
// The header of a connection was not good.
void noteRefusedHeader(Services& services, const net::Address& peer, std::string_view reason);

}  // namespace slotless::session
