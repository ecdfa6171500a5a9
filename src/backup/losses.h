#pragma once
#include <string>
#include <vector>

#include "backup/vault.h"
#include "backup/wal_history.h"

namespace howdah::backup {

/// WAL that the vault does not hold and never will. No restore crosses it; a base behind it begins a new window.
struct Loss {
  enum class Kind {
    gap,      ///< the server removed it before it was copied
    conflict  ///< the server has other WAL there than the vault's complete segment
  };
  Kind kind = Kind::gap;
  Position from;  ///< the first byte that is missing or not the server's
  Lsn to = 0;     ///< behind the last one
  Time noticed{};

  bool same_place(const Loss& other) const { return kind == other.kind && from == other.from && to == other.to; }
};

/// One sentence for people: what is missing, since when, and what that means.
std::string text_of(const Loss& loss);

/// The vault's `losses`, in the order they were noticed; none when there is no such file. An error when it cannot be
/// understood: nobody may restore over what he does not know.
Result<std::vector<Loss>> read_losses(const std::string& root);

/// Durable when it returns. By the keeper only. Nothing happens when it is recorded already.
Result<void> record_loss(const std::string& root, const Loss& loss);

/// An error that names the first loss on this history between `from` and `to`, where there is one.
Result<void> check_no_loss(const std::string& root, const History& history, Lsn from, Lsn to);

}  // namespace howdah::backup
