// Asks the hub that served this page, as whoever has signed in, or holds the token or the link.

const TOKEN = "gridtokenx-token";
const PAUSE_MS = 1000; // when the hub has had enough of us: a long chain has many pages

export class Hub {
  constructor(signature, hasSession) {
    this.hasSession = hasSession; // of the other pages: then a token typed here before is not asked by
    this.path = `/api/explain/${signature}`;
    this.share = new URLSearchParams(location.hash.slice(1)).get("share");
  }

  get token() {
    return this.hasSession ? null : sessionStorage.getItem(TOKEN);
  }

  set token(token) {
    sessionStorage.setItem(TOKEN, token);
  }

  explanation() {
    return this.#ask("");
  }

  readings(meterId, below) {
    return this.#ask(`/readings?meter_id=${meterId}&below=${below}`);
  }

  makeShare(meterId) {
    return this.#ask("/shares", { meter_id: meterId });
  }

  async #ask(rest, body) {
    const authorization = this.share ? `Share ${this.share}` : this.token && `Bearer ${this.token}`;
    let response = await this.#fetch(rest, body, authorization, "same-origin");
    // A session that has ended: then as anybody.
    if (response.status === 401 && !authorization && !body) {
      response = await this.#fetch(rest, body, authorization, "omit");
    }
    if (response.status === 429) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      return this.#ask(rest, body);
    }
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(answer.detail), { status: response.status });
    return answer;
  }

  #fetch(rest, body, authorization, credentials) {
    return fetch(this.path + rest, {
      method: body ? "POST" : "GET",
      headers: {
        ...(authorization && { Authorization: authorization }),
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
      credentials,
    });
  }
}
