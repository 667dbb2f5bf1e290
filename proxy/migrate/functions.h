// The function libraries of one side on all masters of the other.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/migrate/node_writer.h"
#include "proxy/migrate/nodes.h"

namespace slotless::migrate {

class FunctionCopier {
 public:
  // `from` asks the side that is copied from; its nodes are to have the same ones.
  FunctionCopier(NodeWriter from, Nodes& to) : from_(std::move(from)), to_(to) {}

  // Copies them, if they or the masters are others than at the last time. The error, or nothing. Libraries
  // that only the other side has stay.
  std::string copy();
  std::size_t libraries() const noexcept { return libraries_; }

 private:
  // nullopt: stopped.
  std::optional<subcommand::Reply> ask(std::vector<std::string> words);
  std::string copyTo(const subcommand::ServerUrl& node, const std::string& payload);

  NodeWriter from_;
  Nodes& to_;
  std::string payload_;
  std::vector<std::string> masters_;
  std::size_t libraries_ = 0;
};

}  // namespace slotless::migrate
