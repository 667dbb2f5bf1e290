// Writes a request of a mapped database as the cluster's nodes get it: keys and patterns of keys with the
// database's prefix. What is a key is known from the command's specifications.
#pragma once
#include <string>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"

namespace slotless::databases {

class KeyMapper {
 public:
  // `bytes`: the whole request, as appendRequest() writes it; argv are views into it. Arguments that are not
  // renamed stay views into it. False: there is nothing to be renamed, or the arguments contradict the
  // specification (a node words the error).
  bool map(const protocol::CommandSpec& spec, protocol::Argv argv, std::string_view bytes,
           const Database& database);
  // Renames these arguments (ascending), whatever the command is.
  void mapAt(const std::vector<std::uint32_t>& positions, protocol::Argv argv, std::string_view bytes,
             const Database& database);
  // The request with its only key renamed; argv() is not written.
  // `slot`: as of the database.
  std::string_view mapKey(std::string_view key, protocol::Slot slot, std::string_view bytes,
                          const Database& database);
  // Writes these arguments as they are.
  void write(protocol::Argv argv);
  // Gives back what one large request needed. What has been written last is gone.
  void trim() noexcept;

  // Gives back what an unusual request has needed beyond so many bytes; what has been written is gone.
  void trim(std::size_t bytes);

  // What has been written last; good until the next call.
  protocol::Argv argv() const noexcept { return argv_; }
  std::string_view bytes() const noexcept { return bytes_; }
  // What follows them, if that is much: still where it was.
  std::string_view tail() const noexcept { return tail_; }

 private:
  void begin();

  struct Place {
    std::size_t argument;
    std::size_t offset;
    std::size_t size;
  };
  std::vector<std::uint32_t> positions_;
  std::string bytes_;
  std::string_view tail_;
  std::vector<Place> places_;
  std::vector<std::string_view> argv_;
};

}  // namespace slotless::databases
