// The arguments of one request as the client sent them: views into the buffer that holds the request's bytes.
#pragma once
#include <span>
#include <string_view>

namespace slotless::protocol {

// argv[0] is the command's name. Valid only as long as the buffer behind it.
using Argv = std::span<const std::string_view>;

}  // namespace slotless::protocol
