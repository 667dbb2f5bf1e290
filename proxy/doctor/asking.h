// How a node is asked: as whom, and for how long; and how what fails is written down.
#pragma once
#include <string>

#include "proxy/doctor/facts.h"
#include "proxy/doctor/node_probe.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::doctor {

subcommand::ServerUrl urlOf(const net::Address& address, const Asking& asking);
subcommand::ConnectOptions connectOptions(const Asking& asking);

// Without the address that stands in front of it.
std::string withoutUrl(const std::string& error, const subcommand::NodeClient& client);
// An empty text where it is denied.
std::string textOf(const subcommand::Reply& reply);

void fail(Node& node, const std::string& problem);
void fail(Node& node, Contact contact, std::string problem);

}  // namespace slotless::doctor
