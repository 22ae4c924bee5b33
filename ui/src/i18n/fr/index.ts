// French.

import accounts from "./accounts.json";
import clients from "./clients.json";
import common from "./common.json";
import errors from "./errors.json";
import messages from "./messages.json";
import models from "./models.json";
import overview from "./overview.json";
import requests from "./requests.json";
import settings from "./settings.json";
import signIn from "./sign-in.json";
import welcome from "./welcome.json";

export default {
  ...accounts,
  ...clients,
  ...common,
  ...errors,
  ...messages,
  ...models,
  ...overview,
  ...requests,
  ...settings,
  ...signIn,
  ...welcome,
};
