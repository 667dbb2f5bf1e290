// What of this machine the checks look at.
#pragma once
#include <string>
#include <vector>

#include "proxy/doctor/facts.h"

namespace slotless::doctor {

// `procFolder`: /proc, or where another machine's is mounted.
Machine lookAtMachine(const std::string& procFolder);

// Numeric addresses of a host; empty: `error` says why.
std::vector<std::string> resolve(const std::string& host, std::string& error);

// Is one of these numeric addresses this machine's?
bool isOwnAddress(const std::vector<std::string>& addresses);

}  // namespace slotless::doctor
