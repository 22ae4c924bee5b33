// The icons in use, from Lucide: one import each, so that the bundle has no others.

import Activity from "@lucide/svelte/icons/activity";
import AppWindow from "@lucide/svelte/icons/app-window";
import Box from "@lucide/svelte/icons/box";
import Check from "@lucide/svelte/icons/check";
import ChevronDown from "@lucide/svelte/icons/chevron-down";
import ChevronRight from "@lucide/svelte/icons/chevron-right";
import ChevronUp from "@lucide/svelte/icons/chevron-up";
import Clock from "@lucide/svelte/icons/clock";
import Cookie from "@lucide/svelte/icons/cookie";
import Copy from "@lucide/svelte/icons/copy";
import Download from "@lucide/svelte/icons/download";
import Ellipsis from "@lucide/svelte/icons/ellipsis";
import Eye from "@lucide/svelte/icons/eye";
import File from "@lucide/svelte/icons/file";
import FlaskConical from "@lucide/svelte/icons/flask-conical";
import Globe from "@lucide/svelte/icons/globe";
import Info from "@lucide/svelte/icons/info";
import KeyRound from "@lucide/svelte/icons/key-round";
import Lock from "@lucide/svelte/icons/lock";
import LogOut from "@lucide/svelte/icons/log-out";
import Pause from "@lucide/svelte/icons/pause";
import Pencil from "@lucide/svelte/icons/pencil";
import Play from "@lucide/svelte/icons/play";
import Plus from "@lucide/svelte/icons/plus";
import RefreshCw from "@lucide/svelte/icons/refresh-cw";
import Route from "@lucide/svelte/icons/route";
import Search from "@lucide/svelte/icons/search";
import Shield from "@lucide/svelte/icons/shield";
import SlidersHorizontal from "@lucide/svelte/icons/sliders-horizontal";
import Square from "@lucide/svelte/icons/square";
import SquareTerminal from "@lucide/svelte/icons/square-terminal";
import Star from "@lucide/svelte/icons/star";
import TextAlignStart from "@lucide/svelte/icons/text-align-start";
import Trash2 from "@lucide/svelte/icons/trash-2";
import TriangleAlert from "@lucide/svelte/icons/triangle-alert";
import User from "@lucide/svelte/icons/user";
import X from "@lucide/svelte/icons/x";

export const ICONS = {
  overview: Activity,
  accounts: User,
  requests: TextAlignStart,
  models: Box,
  clients: SquareTerminal,
  settings: SlidersHorizontal,
  copy: Copy,
  check: Check,
  close: X,
  plus: Plus,
  more: Ellipsis,
  down: ChevronDown,
  right: ChevronRight,
  up: ChevronUp,
  search: Search,
  refresh: RefreshCw,
  play: Play,
  pause: Pause,
  stop: Square,
  warning: TriangleAlert,
  info: Info,
  key: KeyRound,
  lock: Lock,
  eye: Eye,
  trash: Trash2,
  edit: Pencil,
  download: Download,
  signout: LogOut,
  window: AppWindow,
  cookie: Cookie,
  file: File,
  flask: FlaskConical,
  clock: Clock,
  star: Star,
  shield: Shield,
  route: Route,
  globe: Globe,
} as const;

export type IconName = keyof typeof ICONS;
