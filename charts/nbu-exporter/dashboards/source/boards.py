"""All boards, in the order in which one goes through them."""

import health
import overview
import protection
import site_board as site
import storage

BOARDS = [overview.board, protection.board, storage.board, site.board, health.board]
