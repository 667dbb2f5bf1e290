// The function libraries of one side on all masters of the other.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/migrate/copied_libraries.h"
#include "proxy/migrate/node_writer.h"
#include "proxy/migrate/nodes.h"

namespace slotless::migrate {

class FunctionCopier {
 public:
  // `from` asks one node of the side that is copied from, all of whose nodes are `source`; those of `to` are
  // to have the same libraries.
  FunctionCopier(NodeWriter from, const Nodes& source, Nodes& to, CopiedLibraries& copied)
      : from_(std::move(from)), source_(source), to_(to), copied_(copied) {}

  // Copies them, if they or the masters are others than at the last time, and deletes those that have been
  // copied before and are gone. The error, or nothing. Libraries that only the other side has ever had stay.
  std::string copy();
  std::size_t libraries() const noexcept { return names_.size(); }

 private:
  using Names = CopiedLibraries::Names;

  // nullopt: stopped.
  std::optional<subcommand::Reply> ask(std::vector<std::string> words);
  std::string findGone(const Names& names, Names& gone);
  std::string bringTo(const subcommand::ServerUrl& node, const Names& gone, const std::string& payload);
  std::string loadOn(subcommand::NodeClient& node);

  NodeWriter from_;
  const Nodes& source_;
  Nodes& to_;
  CopiedLibraries& copied_;
  std::string payload_;
  std::vector<std::string> masters_;
  Names names_;
  Names gone_;  // that the other side does not have any more
  // One of the other nodes has a library that the one which is asked has not: it is there, or about to go.
  bool isDoubtful_ = false;
};

}  // namespace slotless::migrate
