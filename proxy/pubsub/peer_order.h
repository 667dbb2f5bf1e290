// What a client of one proxy has all proxies of the cluster do, and what each says to it.
//
// Plain values: they go from thread to thread, and from process to process (proxy/peers).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slotless::pubsub {

struct PeerOrder {
  // As PROXY has them, without ALL: {"kill", "user", "bob"}. The first one is in lower case.
  std::vector<std::string> words;
  std::string by;  // the client that wants it, for logs
};

// Whether it changes something at those who carry it out: then they want a proof of who asks. Judged by the
// word alone, at both ends; a word that is not known changes something.
inline bool changesSomething(std::string_view word) noexcept {
  return word != "clients";
}

struct PeerAnswer {
  enum class State : std::uint8_t {
    Done,
    Refused,   // by that proxy; `text` says why
    NotAsked,  // `text` says why
    Silent,    // nothing has come in time
  };
  std::string id;
  std::string place;
  State state = State::Silent;
  std::string text;           // key=value …
  std::string lines;          // of Done: each with its line feed
  std::uint64_t leftOut = 0;  // lines that there was no room for
};

using PeerAnswers = std::vector<PeerAnswer>;
// Gets the one answer of the process that has carried an order out.
using PeerAnswered = std::function<void(PeerAnswer answer)>;
// Carries an order of another proxy out here. `room`: so many bytes its lines may have.
using CarryOut = std::function<void(const PeerOrder& order, std::size_t room, PeerAnswered done)>;

}  // namespace slotless::pubsub
