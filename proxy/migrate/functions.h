// The source's function libraries on all masters of the target.
#pragma once
#include <string>
#include <vector>

#include "proxy/migrate/source.h"
#include "proxy/migrate/target.h"

namespace slotless::migrate {

class FunctionCopier {
 public:
  FunctionCopier(Source source, Target& target) : source_(std::move(source)), target_(target) {}

  // Copies them, if they or the masters are others than at the last time. The error, or nothing. Libraries
  // that only the target has stay.
  std::string copy();
  std::size_t libraries() const noexcept { return libraries_; }

 private:
  std::string copyTo(const subcommand::ServerUrl& node, const std::string& payload);

  Source source_;
  Target& target_;
  std::string payload_;
  std::vector<std::string> masters_;
  std::size_t libraries_ = 0;
};

}  // namespace slotless::migrate
