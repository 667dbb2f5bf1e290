// Where this process runs, for people: host, process and listeners.
#pragma once
#include <string>

#include "config/config.h"

namespace slotless::server {

std::string placeOf(const config::Config& config);

}  // namespace slotless::server
