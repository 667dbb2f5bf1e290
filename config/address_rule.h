// Texts <-> address rules: `10.0.0.7:7000=127.0.0.1:17000`, or without ports for all ports of a host.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace slotless::config {

Parsed<AddressRule> parseAddressRule(std::string_view text);
std::string formatAddressRule(const AddressRule& rule);

}  // namespace slotless::config
