// The server that is copied from: questions that change nothing, many at once, asked again where there was no
// answer.
//
// Not thread-safe: each thread has its own.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/subcommand/node_client.h"
#include "proxy/subcommand/reply.h"

namespace slotless::migrate {

struct SourceQuestion {
  std::uint32_t database = 0;
  std::vector<std::string> words;
  subcommand::Reply reply = {};
};

class Source {
 public:
  Source(subcommand::ServerUrl url, subcommand::ConnectOptions options, std::function<bool()> stopped);

  // False: stopped. Answers may be errors of the server.
  bool ask(std::span<SourceQuestion> questions);
  // nullopt: stopped.
  std::optional<subcommand::Reply> ask(std::uint32_t database, std::vector<std::string> words);
  // As often as it has been connected anew.
  std::uint64_t losses() const noexcept { return losses_; }

 private:
  // False: not all are answered.
  bool attempt(std::span<SourceQuestion> questions);

  subcommand::NodeClient client_;
  std::uint32_t database_ = 0;
  std::uint64_t losses_ = 0;
  const std::function<bool()> stopped_;
};

}  // namespace slotless::migrate
