// Counts the members of an aggregate at compile time, so that a member without a row in the schema does not
// build.
#pragma once

#include <cstddef>
#include <utility>

namespace slotless::config {

// Stands for a value of any type; only ever used unevaluated.
struct AnyValue {
  template <class T>
  operator T() const;
};

template <class T, std::size_t... I>
constexpr bool canBeMadeOf(std::index_sequence<I...>) {
  return requires {
    T{(static_cast<void>(I), AnyValue{})...};
  };
}

template <class T, std::size_t N = 1>
constexpr std::size_t memberCount() {
  if constexpr (canBeMadeOf<T>(std::make_index_sequence<N>{})) {
    return memberCount<T, N + 1>();
  } else {
    return N - 1;
  }
}

}  // namespace slotless::config
