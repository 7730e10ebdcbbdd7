// A list that is read page by page, for whom nothing better is known.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "apiserver/storage/store.h"

namespace skiff {

// `list` is Store::List or like it, and is asked for as long as the cursor lives.
using ListFunction = std::function<Result<ListPage>(const ListRequest&)>;

// Where a list with a limit ends, and what is behind it.
struct ListEnd {
  size_t count = 0;
  std::string last_key;  // Where there is more.
  bool more = false;
  uint64_t remaining = 0;
};
// Finds that out without reading values: of a list without a filter at a revision.
using ListEndFunction = std::function<Result<ListEnd>(const ListRequest&)>;

// Without `end` a list with a limit is read as far as it goes before it is open, and what of it is
// not held is read again.
Result<std::unique_ptr<ListCursor>> OpenPagedList(ListFunction list, const ListRequest& request,
                                                  ListEndFunction end = {});

}  // namespace skiff
