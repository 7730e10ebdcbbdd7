// A sorted list that never changes, so any thread may look. One that differs in an element is made
// of the one before, and shares with it all but the piece where that element stands: of ten
// thousand elements a change copies a few hundred.
//
//   SharedList<int> two = SharedList<int>().With(3).With(1);
//   const int* found = two.FindFirst([](int each) { return each < 3; });   // The 3.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace skiff {

template <typename T, typename Less = std::less<>>
class SharedList {
 public:
  bool empty() const { return pieces_.empty(); }

  // Behind all that are not greater.
  SharedList With(T element) const {
    const auto is_not_greater = [&](const T& each) { return !Less()(element, each); };
    size_t at = PieceOf(is_not_greater);
    SharedList next = *this;
    Piece piece;
    if (at == pieces_.size() && at > 0) --at;  // Behind all.
    if (at < pieces_.size()) {
      piece.reserve(pieces_[at]->size() + 1);
      piece = *pieces_[at];
    }
    const auto place = std::partition_point(piece.begin(), piece.end(), is_not_greater);
    piece.insert(place, std::move(element));
    next.Replace(at, std::move(piece));
    return next;
  }

  // Without the first one that `is_it` names, of those that are neither less nor greater than
  // `element`.
  template <typename IsIt>
  SharedList Without(const T& element, IsIt is_it) const {
    const auto is_less = [&](const T& each) { return Less()(each, element); };
    for (size_t at = PieceOf(is_less); at < pieces_.size(); ++at) {
      const Piece& piece = *pieces_[at];
      for (auto each = std::partition_point(piece.begin(), piece.end(), is_less);
           each != piece.end(); ++each) {
        if (Less()(element, *each)) return *this;
        if (!is_it(*each)) continue;
        Piece rest(piece.begin(), each);
        rest.insert(rest.end(), each + 1, piece.end());
        SharedList next = *this;
        next.Replace(at, std::move(rest));
        return next;
      }
    }
    return *this;
  }

  // The first one that `is_before` does not hold of, or nullptr; it holds of all that stand before
  // one of which it holds.
  template <typename IsBefore>
  const T* FindFirst(IsBefore is_before) const {
    const size_t at = PieceOf(is_before);
    if (at == pieces_.size()) return nullptr;
    const Piece& piece = *pieces_[at];
    return &*std::partition_point(piece.begin(), piece.end(), is_before);
  }

  // How many of the pieces are not the other's too.
  size_t PiecesApartFrom(const SharedList& other) const {
    return static_cast<size_t>(
        std::count_if(pieces_.begin(), pieces_.end(), [&](const auto& piece) {
          return std::find(other.pieces_.begin(), other.pieces_.end(), piece) ==
                 other.pieces_.end();
        }));
  }

 private:
  using Piece = std::vector<T>;
  static constexpr size_t kPieceMax = 128;

  // The first that ends with one that `is_before` does not hold of.
  template <typename IsBefore>
  size_t PieceOf(IsBefore is_before) const {
    const auto found = std::partition_point(
        pieces_.begin(), pieces_.end(),
        [&](const std::shared_ptr<const Piece>& piece) { return is_before(piece->back()); });
    return static_cast<size_t>(found - pieces_.begin());
  }

  // Puts what became of the piece that stands there in its place; behind all, it is a new one.
  void Replace(size_t at, Piece piece) {
    const auto place = pieces_.begin() + static_cast<std::ptrdiff_t>(at);
    if (piece.empty()) {
      pieces_.erase(place);
      return;
    }
    if (piece.size() > kPieceMax) {
      const auto half = piece.begin() + static_cast<std::ptrdiff_t>(piece.size() / 2);
      auto upper = std::make_shared<const Piece>(half, piece.end());
      piece.erase(half, piece.end());
      pieces_[at] = std::make_shared<const Piece>(std::move(piece));
      pieces_.insert(place + 1, std::move(upper));
    } else if (at == pieces_.size()) {
      pieces_.push_back(std::make_shared<const Piece>(std::move(piece)));
    } else {
      pieces_[at] = std::make_shared<const Piece>(std::move(piece));
    }
  }

  std::vector<std::shared_ptr<const Piece>> pieces_;  // None is empty.
};

}  // namespace skiff
