// A list that is read page by page, for whom nothing better is known.
#pragma once

#include <functional>
#include <memory>

#include "apiserver/storage/store.h"

namespace skiff {

// `list` is Store::List or like it, and is asked for as long as the cursor lives. Of a list with a
// limit all is read at once.
using ListFunction = std::function<Result<ListPage>(const ListRequest&)>;
Result<std::unique_ptr<ListCursor>> OpenPagedList(ListFunction list, const ListRequest& request);

}  // namespace skiff
