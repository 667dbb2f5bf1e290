// The word that an error reply begins with, if it is one that servers or this proxy use: a small set that is
// known beforehand, whatever scripts and modules may say instead.
#pragma once
#include <string_view>

namespace slotless::protocol {

// `line`: with or without the leading '-' and the trailing CRLF. Empty: another one. The text lives on.
std::string_view knownErrorCode(std::string_view line) noexcept;

}  // namespace slotless::protocol
