// Looks at a file again and again and hands over what is in it, at first and whenever that may have changed.
//
// A file counts as changed when its path leads to another one (a symbolic link in it has been exchanged, as
// Kubernetes does), or when its size or one of its times is another. A thread of its own looks, since a file
// may be slow; what is told is told on the loop. Ownership: destroying the object leaves a look that has not
// ended to itself; it tells nobody any more. Errors: as texts ("No such file or directory").
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/net/loop.h"

namespace slotless::net {

struct FileContent {
  std::optional<std::string> text;
  std::string error;
};

class FileWatch {
 public:
  static constexpr std::size_t kLongest = 65536;
  static constexpr Millis kInterval{1000};
  using Told = std::function<void(const FileContent&)>;

  FileWatch(Loop& loop, std::string path, Told told, Millis interval = kInterval);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  struct Desk;
  static void look(const std::shared_ptr<Desk>& desk, const std::string& path, Millis interval);
  static void tell(const std::shared_ptr<Desk>& desk, FileContent content);

  std::shared_ptr<Desk> desk_;
};

}  // namespace slotless::net
