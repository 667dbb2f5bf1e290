// Watches for signals of the process on a loop.
#pragma once
#include <functional>
#include <memory>
#include <vector>

namespace slotless::net {

class UvLoop;

class Signals {
 public:
  virtual ~Signals() = default;
  static std::unique_ptr<Signals> watch(UvLoop& loop, std::vector<int> signals,
                                        std::function<void(int)> arrived);
};

}  // namespace slotless::net
