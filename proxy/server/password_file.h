// A file whose only line is a password, read again when it changes.
//
// What cannot be read, or is no password, changes nothing and is logged once.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "proxy/net/file_watch.h"

namespace slotless::server {

class PasswordFile {
 public:
  // `option` names it in the log. `found` is called on the loop, at first too; it must not destroy the
  // object.
  PasswordFile(net::Loop& loop, const std::string& path, std::string_view option,
               std::function<void(const std::string& password)> found,
               net::Millis interval = net::FileWatch::kInterval);

  const std::string& path() const noexcept { return path_; }

 private:
  void onContent(const net::FileContent& content);

  const std::string path_;
  const std::string option_;
  const std::function<void(const std::string& password)> found_;
  std::string problem_;  // that has been logged; empty: there is none
  net::FileWatch watch_;
};

}  // namespace slotless::server
