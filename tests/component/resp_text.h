// Short ways to write requests and replies in tests: words instead of bytes.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::test {

using Words = std::vector<std::string>;

// "GET a" -> {"GET", "a"}.
Words wordsOf(std::string_view text);
// {"GET", "a"} -> "GET a".
std::string textOf(const Words& words);
// The beginning of a long text, for messages of failing tests.
std::string shown(std::string_view text);
// The bytes of a request.
std::string request(const Words& words);
std::string request(std::string_view text);
std::string bulk(std::string_view bytes);
// Takes one whole request off the front of `bytes`; nullopt: it is not there yet. Throws std::runtime_error
// on what is no request: the proxy must never send that.
std::optional<Words> takeRequest(std::string& bytes);

}  // namespace slotless::test
