// What one call may cost, and how large its result may be.
#pragma once

#include <optional>

#include "api/cel/ast.h"
#include "api/cel/estimate_size.h"
#include "api/cel/function.h"

namespace skiff::cel {

class SizeSource {
 public:
  virtual ~SizeSource() = default;
  // None: nothing bounds it.
  virtual std::optional<SizeRange> SizeOf(const Expr& expr) = 0;
  virtual std::optional<SizeRange> ItemSizeOf(const Expr& list) = 0;
};

struct CallEstimate {
  uint64_t cost = 0;
  std::optional<SizeRange> result = {};
};

// Without what its operands cost.
CallEstimate EstimateCall(const Expr& call, const Overload& overload, SizeSource& sizes);

}  // namespace skiff::cel
